"""How the layer runs: the GOVERNOR_* variables of its function, read once."""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

DEFAULT_TIMEOUT_MS = 200
LONGEST_MS = 900_000
"""15 minutes, the longest that an invocation can take: no time of ours can exceed it."""

ON_DENIED = ("auto", "raise", "respond", "wait", "run")


class BadSettingError(Exception):
    """A variable is unset or malformed. The message names it and says what it should be."""


class Settings:
    """What the variables say.

    `timeout_ms` is the most that a check-in may cost when the governor is slow or gone, `wait_ms`
    how long the governor may let an invocation wait for its turn on top of that.
    """

    __slots__ = (
        "emf",
        "fails_closed",
        "function",
        "host",
        "on_denied",
        "port",
        "prefix",
        "secret",
        "timeout_ms",
        "tls",
        "token",
        "wait_ms",
    )

    def __init__(self, environ: "Mapping[str, str]") -> None:
        """Read the variables in `environ`.

        Raises:
            BadSettingError: one of them can't be used.

        """
        self.fails_closed = fails_closed(environ)
        self.tls, self.host, self.port, self.prefix = _address(environ.get("GOVERNOR_URL"))
        self.token = _plain(environ, "GOVERNOR_TOKEN")
        self.secret = _plain(environ, "GOVERNOR_TOKEN_SECRET")
        self.function = environ.get("AWS_LAMBDA_FUNCTION_NAME", "")
        if not self.function:
            raise BadSettingError("AWS_LAMBDA_FUNCTION_NAME is unset: Lambda sets it")
        self.timeout_ms = _milliseconds(environ, "GOVERNOR_TIMEOUT_MS", DEFAULT_TIMEOUT_MS, 1)
        self.wait_ms = _milliseconds(environ, "GOVERNOR_WAIT_MS", 0, 0)
        self.on_denied = environ.get("GOVERNOR_ON_DENIED", "auto")
        if self.on_denied not in ON_DENIED:
            raise BadSettingError(
                f"GOVERNOR_ON_DENIED is {self.on_denied!r}: set it to one of {', '.join(ON_DENIED)}"
            )
        self.emf = is_on(environ, "GOVERNOR_EMF")


def is_disabled(environ: "Mapping[str, str]") -> bool:
    """Whether the layer is to stand aside (the exec wrapper reads the variable in the same way)."""
    return is_on(environ, "GOVERNOR_DISABLED")


def is_on(environ: "Mapping[str, str]", name: str) -> bool:
    """Whether the variable `name` says yes, which is whatever does not say no.

    What is typed in an emergency has to work.
    """
    return environ.get(name, "").lower() not in {"", "0", "false"}


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


def _address(url: str | None) -> tuple[bool, str, int, str]:
    """Whether `url` is https, its host and port, and what its path begins with."""
    said = "unset" if url is None else "one with credentials" if "@" in url else repr(url)
    bad = BadSettingError(
        f"GOVERNOR_URL is {said}: set it to the governor's address, http://host:port"
    )
    scheme, separator, rest = (url or "").partition("://")
    authority, slash, path = rest.partition("/")
    bracketed, bracket, port = authority.rpartition("]")
    if bracket:  # an IPv6 address
        host, colon, port = bracketed.removeprefix("["), port[:1], port[1:]
    else:
        host, colon, port = authority.partition(":")
    if (
        not separator
        or scheme not in {"http", "https"}
        or not host
        or not is_plain(rest)
        or any(character in "?#@[]" for character in host + path)
        or (":" in host) != bool(bracket)
        or authority.startswith("[") != bool(bracket)
        or colon not in {"", ":"}
    ):
        raise bad
    tls = scheme == "https"
    if not colon:
        port = "443" if tls else "80"
    if not (port.isdigit() and len(port) < 6 and 0 < int(port) < 1 << 16):  # noqa: PLR2004
        raise bad
    return tls, host, int(port), (slash + path).rstrip("/")


def _plain(environ: "Mapping[str, str]", name: str) -> str:
    text = environ.get(name, "")
    if not is_plain(text):  # it is sent in a request's head; and it may be secret
        raise BadSettingError(f"{name} has a space or a character outside ASCII in it")
    return text


def is_plain(text: str) -> bool:
    """Whether `text` can stand in a request's head: ASCII without spaces or control characters."""
    return text.isascii() and text.isprintable() and " " not in text


def _milliseconds(environ: "Mapping[str, str]", name: str, default: int, least: int) -> int:
    text = environ.get(name, str(default))
    digits = text.isascii() and text.isdigit() and len(text) <= len(str(LONGEST_MS))
    if not digits or not least <= int(text) <= LONGEST_MS:
        raise BadSettingError(
            f"{name} is {text!r}: set it to whole milliseconds from {least} to {LONGEST_MS}"
        )
    return int(text)
