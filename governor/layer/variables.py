"""The layer's variables, as far as they can be set from outside, and what they may be. Pure.

The layer itself reads them so (`governor_layer.settings`): what it can't read it does without, or
with `GOVERNOR_FAIL=closed` the function does not start. Better told before than in each log.
"""

import re
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Final

from governor.layer.contents import URL_VARIABLE

TOKEN_VARIABLE: Final = "GOVERNOR_TOKEN"  # noqa: S105 - the variable's name
SECRET_VARIABLE: Final = "GOVERNOR_TOKEN_SECRET"  # noqa: S105 - likewise

_MOST_PORT: Final = (1 << 16) - 1
_MILLISECONDS: Final = r"[1-9]\d{0,4}|[1-8]\d{5}|900000"
_SWITCH: Final = ("(?s:.*)", "anything")
_WORDS: Final[Mapping[str, tuple[str, str]]] = {
    TOKEN_VARIABLE: ("[!-~]+", "ASCII without spaces"),
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
    r"(?P<scheme>https?)://(\[(?P<literal>[0-9A-Fa-f:.]+)\]|(?P<name>[^:/?#@\[\]]+))"
    r"(:(?P<port>\d{1,5}))?(/[^?#@\[\]]*)?"
)
_PORTS: Final = {"http": 80, "https": 443}


@dataclass(frozen=True, slots=True)
class Address:
    """Where a GOVERNOR_URL points to."""

    host: str
    port: int

    @property
    def is_loopback(self) -> bool:
        """Whether it is the asking machine itself, by the address alone."""
        with suppress(ValueError):
            return ip_address(self.host).is_loopback
        return self.host == "localhost"


def address_of(url: str) -> Address | None:
    """Return where `url` points to; None if the layer can't use it."""
    found = _URL.fullmatch(url) if is_plain(url) else None
    if found is None:
        return None
    port = int(found["port"] or _PORTS[found["scheme"]])
    return Address(found["literal"] or found["name"], port) if 0 < port <= _MOST_PORT else None


def is_plain(text: str) -> bool:
    """Whether the layer can send it: it is ASCII, without spaces and control characters."""
    return text.isascii() and text.isprintable() and " " not in text


def is_on(value: str) -> bool:
    """Whether a switch (GOVERNOR_DISABLED, GOVERNOR_EMF) of that value is on; unset, it is ""."""
    return value.lower() not in {"", "0", "false"}


def complaint(name: str, value: str) -> str:
    """Say what is wrong with a variable; "" if nothing is."""
    if name == URL_VARIABLE:
        return "" if address_of(value) else "expected http://host:port or https://host"
    if name not in _WORDS:
        return f"it is not one that can be set: {', '.join(_WORDS)}"
    pattern, expected = _WORDS[name]
    return "" if re.fullmatch(pattern, value) else f"expected {expected}"
