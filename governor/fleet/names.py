"""What names resolve to from here."""

import socket
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor

_AT_ONCE = 8


def resolved(hosts: Iterable[str]) -> dict[str, tuple[str, ...]]:
    """Return the addresses of hosts, none of what does not resolve.

    It takes as long as the system's resolver may: it has no time limit of its own.
    """
    names = list(hosts)
    with ThreadPoolExecutor(_AT_ONCE, "names") as threads:
        return dict(zip(names, threads.map(_addresses, names), strict=True))


def _addresses(host: str) -> tuple[str, ...]:
    try:
        found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        return ()
    return tuple(sorted({str(address[0]) for *_, address in found}))
