"""How the layer runs: the GOVERNOR_* variables of its function, read once."""

import re

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

DEFAULT_TIMEOUT_MS = 200
LONGEST_MS = 900_000
"""15 minutes, the longest that an invocation can take: no time of ours can exceed it."""


class BadSettingError(Exception):
    """A variable is unset or malformed. The message names it and says what it should be."""


class Settings:
    """What the variables say.

    `timeout_s` is the most that a check-in may cost when the governor is slow or gone, `wait_ms`
    how long the governor may let an invocation wait for its turn on top of that.
    """

    __slots__ = ("function", "host", "port", "prefix", "timeout_s", "tls", "token", "wait_ms")

    def __init__(self, environ: "Mapping[str, str]") -> None:
        """Read the variables in `environ`.

        Raises:
            BadSettingError: one of them can't be used.

        """
        url = environ.get("GOVERNOR_URL", "")
        parts = re.fullmatch(
            r"(https?)://(\[[^\]\s]+\]|[^/:?#@\s]+)(?::(\d{1,5}))?(/[^?#\s]*)?", url
        )
        if parts is None or not (url.isascii() and 0 < int(parts[3] or 1) < 1 << 16):
            raise BadSettingError(
                f"GOVERNOR_URL is {url!r}: set it to the governor's address, http://host:port"
            )
        self.tls = parts[1] == "https"
        self.host = parts[2].strip("[]")
        self.port = int(parts[3] or (443 if self.tls else 80))
        self.prefix = (parts[4] or "").rstrip("/")
        self.token = environ.get("GOVERNOR_TOKEN", "")
        if not re.fullmatch(r"[!-~]*", self.token):  # it is sent in a header
            raise BadSettingError("GOVERNOR_TOKEN has a space or a character outside ASCII in it")
        self.function = environ.get("AWS_LAMBDA_FUNCTION_NAME", "")
        if not self.function:
            raise BadSettingError("AWS_LAMBDA_FUNCTION_NAME is unset: Lambda sets it")
        self.timeout_s = _milliseconds(environ, "GOVERNOR_TIMEOUT_MS", DEFAULT_TIMEOUT_MS, 1) / 1000
        self.wait_ms = _milliseconds(environ, "GOVERNOR_WAIT_MS", 0, 0)


def is_disabled(environ: "Mapping[str, str]") -> bool:
    """Whether the layer is to stand aside (the exec wrapper reads the variable in the same way)."""
    return environ.get("GOVERNOR_DISABLED") in {"1", "true"}


def fails_closed(environ: "Mapping[str, str]") -> bool:
    """Whether a function that can't ask the governor must not run.

    Apart from `Settings`, as it holds for settings that can't be read too.

    Raises:
        BadSettingError: the variable says neither.

    """
    fail = environ.get("GOVERNOR_FAIL", "open")
    if fail not in {"open", "closed"}:
        raise BadSettingError(f"GOVERNOR_FAIL is {fail!r}: set it to open or closed")
    return fail == "closed"


def _milliseconds(environ: "Mapping[str, str]", name: str, default: int, least: int) -> int:
    text = environ.get(name, str(default))
    if not re.fullmatch(r"\d{1,6}", text, re.ASCII) or not least <= int(text) <= LONGEST_MS:
        raise BadSettingError(
            f"{name} is {text!r}: set it to whole milliseconds from {least} to {LONGEST_MS}"
        )
    return int(text)
