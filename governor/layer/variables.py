"""The layer's variables, as far as they can be set from outside, and what they may be. Pure.

The layer itself reads them so (`governor_layer.settings`): what it can't read it does without, or
with `GOVERNOR_FAIL=closed` the function does not start. Better told before than in each log.
"""

import re
from collections.abc import Mapping
from typing import Final

from governor.layer.contents import URL_VARIABLE

SECRET_VARIABLE: Final = "GOVERNOR_TOKEN_SECRET"  # noqa: S105 - the variable's name

_MOST_PORT: Final = (1 << 16) - 1
_MILLISECONDS: Final = r"[1-9]\d{0,4}|[1-8]\d{5}|900000"
_SWITCH: Final = ("0|1|true|false", "1, or 0")
_WORDS: Final[Mapping[str, tuple[str, str]]] = {
    "GOVERNOR_TOKEN": ("[!-~]+", "ASCII without spaces"),
    SECRET_VARIABLE: ("arn:[!-~]+", "the ARN of a secret"),
    "GOVERNOR_TIMEOUT_MS": (_MILLISECONDS, "whole milliseconds from 1 to 900000"),
    "GOVERNOR_WAIT_MS": (f"0|{_MILLISECONDS}", "whole milliseconds from 0 to 900000"),
    "GOVERNOR_FAIL": ("open|closed", "open or closed"),
    "GOVERNOR_ON_DENIED": (
        "auto|raise|respond|wait|run",
        "auto, raise, respond, wait or run",
    ),
    "GOVERNOR_EMF": _SWITCH,
    "GOVERNOR_DISABLED": _SWITCH,
}
_URL: Final = re.compile(
    r"https?://(\[[0-9A-Fa-f:.]+\]|[^:/?#@\[\]]+)(:(?P<port>\d{1,5}))?(/[^?#@\[\]]*)?"
)


def complaint(name: str, value: str) -> str:
    """Say what is wrong with a variable; "" if nothing is."""
    if name == URL_VARIABLE:
        return "" if _is_url(value) else "expected http://host:port or https://host"
    if name not in _WORDS:
        return f"it is not one that can be set: {', '.join(_WORDS)}"
    pattern, expected = _WORDS[name]
    return "" if re.fullmatch(pattern, value) else f"expected {expected}"


def _is_url(text: str) -> bool:
    found = _URL.fullmatch(text) if text.isascii() and text.isprintable() else None
    if found is None or " " in text:
        return False
    return found["port"] is None or 0 < int(found["port"]) <= _MOST_PORT
