"""The sockets on which the service listens: one for each worker, on one port."""

import socket
from typing import Final

from governor.errors import SettingsError
from governor.settings import Address

BACKLOG: Final = 1024


def listen(address: Address, workers: int) -> list[socket.socket]:
    """Return `workers` sockets on one port, among which the kernel spreads connections.

    Raises `SettingsError` if the address can't be had.
    """
    sockets: list[socket.socket] = []
    try:
        # Whoever shares a port lets everyone of this user in who does, too. A second service must
        # fail instead of taking half of our connections, so ask for the port alone first.
        with _bind(address.host, address.port) as alone:
            port = alone.getsockname()[1]
        for _ in range(workers):
            sockets.append(_bind(address.host, port, share=workers > 1))
            sockets[-1].listen(BACKLOG)
    except OSError as error:
        for each in sockets:
            each.close()
        raise SettingsError(f"--listen {address.host}:{address.port}: {error.strerror}") from error
    return sockets


def _bind(host: str, port: int, *, share: bool = False) -> socket.socket:
    bound = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
    try:
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if share:
            bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        bound.bind((host, port))
    except OSError:
        bound.close()
        raise
    return bound
