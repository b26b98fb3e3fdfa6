"""Ports on which a process that can't choose its own may listen."""

import socket
from contextlib import ExitStack
from itertools import chain, islice
from random import SystemRandom
from typing import Final

from governor.errors import GovernorError

CANDIDATES: Final = range(10_000, 32_768)
"""Below those that Linux and macOS give to whoever asks for any, which may be taken by the time
that they are used: `ip(7)`, ip_local_port_range."""


class NoFreePortError(GovernorError):
    """Every port of `CANDIDATES` is taken."""


def free_ports(count: int) -> list[int]:
    """Different TCP ports on 127.0.0.1 that nobody listens on.

    Raises:
        NoFreePortError: there are not so many.

    """
    begin = SystemRandom().randrange(len(CANDIDATES))  # of its own for each process that looks
    candidates = chain(CANDIDATES[begin:], CANDIDATES[:begin])
    with ExitStack() as held:
        free = (port for port in candidates if _is_free(held.enter_context(socket.socket()), port))
        ports = list(islice(free, count))
    if len(ports) < count:
        raise NoFreePortError(
            f"fewer than {count} of the ports {CANDIDATES[0]} to {CANDIDATES[-1]} on 127.0.0.1 are "
            "free: end what listens there"
        )
    return ports


def _is_free(holder: socket.socket, port: int) -> bool:
    """Whether `holder` has got `port`; it keeps it then."""
    try:
        holder.bind(("127.0.0.1", port))
    except OSError:
        return False
    return True
