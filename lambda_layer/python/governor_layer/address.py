"""Where a host can be reached."""

import _socket
import contextlib
import threading

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .connection import Deadline


def addresses(
    host: str, port: int, deadline: "Deadline"
) -> "list[tuple[int, int, int, tuple[object, ...]]]":
    """Family, kind, protocol and address of each way to `host`, at least one.

    A name is looked up on a thread, as that has no time limit. Raises OSError: it has no address,
    or none is known by the deadline.
    """
    name = host.encode()  # bytes: text would import the IDNA codec
    found: list[tuple[int, int, int, str, tuple[object, ...]]] = []

    def look_up(flags: int) -> None:
        with contextlib.suppress(OSError):
            found.extend(_socket.getaddrinfo(name, port, 0, _socket.SOCK_STREAM, 0, flags))

    look_up(_socket.AI_NUMERICHOST)
    if not found:
        thread = threading.Thread(target=look_up, args=(0,), daemon=True)
        thread.start()
        thread.join(deadline.left())
    if not found:
        deadline.left()
        raise ConnectionRefusedError(f"{host} has no address")
    return [(family, kind, protocol, address) for family, kind, protocol, _, address in found]
