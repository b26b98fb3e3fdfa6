"""Requests and answers of HTTP/1.1, as far as a governor uses it. Pure.

Every answer has a Content-Length. One that has not, or isn't HTTP at all, does not count as one.
"""

MAX_HEAD = 16 * 1024
MAX_BODY = 64 * 1024
"""Most bytes of an answer's head and body that are read. The governor's have a few hundred."""


class UnexpectedAnswerError(Exception):
    """What came back is neither a grant nor a denial."""


class Answer:
    """An HTTP answer: its status, its body, and whether the connection ends with it."""

    __slots__ = ("body", "closes", "status")

    def __init__(self, status: int, body: bytes, *, closes: bool) -> None:
        """Keep the parts."""
        self.status = status
        self.body = body
        self.closes = closes


def head_lines(host: str, port: int, *fields: str) -> str:
    """What every request to `host` has in its head, after the first line."""
    name = f"[{host}]" if ":" in host else host
    return "\r\n".join(["", f"Host: {name}:{port}", *fields, ""])


def request(method: str, path: str, lines: str, body: str = "") -> bytes:
    """A request with the `lines` of `head_lines`; the `body`, if any, is JSON in ASCII."""
    if not body:
        return f"{method} {path} HTTP/1.1{lines}\r\n".encode()
    return (
        f"{method} {path} HTTP/1.1{lines}Content-Type: application/json\r\n"
        f"Content-Length: {len(body)}\r\n\r\n{body}"
    ).encode()


def parsed(head: bytes) -> tuple[int, int, bool]:
    """Status, length of the body, and whether the connection ends, as an answer's head says."""
    first, *lines = head.split(b"\r\n")
    version, _, rest = first.partition(b" ")
    fields = {}
    for line in lines:
        name, _, value = line.partition(b":")
        fields[name.lower()] = value.strip().lower()
    status, length = rest[:3], fields.get(b"content-length", b"0" if rest[:3] == b"204" else b"")
    if not (
        version in {b"HTTP/1.1", b"HTTP/1.0"}
        and status.isdigit()
        and 200 <= int(status) < 600  # noqa: PLR2004 - the statuses that end an exchange
        and length.isdigit()
        and int(length) <= MAX_BODY
        and b"transfer-encoding" not in fields
    ):
        raise UnexpectedAnswerError(f"no answer of a governor: {first[:40]!r}")
    closes = version == b"HTTP/1.0" or fields.get(b"connection") == b"close"
    return int(status), int(length), closes
