"""Encryption, as the interpreter's own `ssl` does it. Loaded for https only."""

import gc

# `ssl` makes some thousand objects and keeps them: to look for garbage among them takes a tenth of
# its import's time, at each cold start, and finds none.
_collects = gc.isenabled()
gc.disable()
try:
    import socket
    import ssl
finally:
    if _collects:
        gc.enable()

TYPE_CHECKING = False
if TYPE_CHECKING:
    import _socket


def context() -> ssl.SSLContext:
    """Trust in the authorities that the operating system trusts, or that SSL_CERT_FILE names."""
    return ssl.create_default_context()


def encrypted(
    plain: "_socket.socket", trust: ssl.SSLContext, host: str, timeout_s: float
) -> "_socket.socket":
    """Take over `plain`, and shake hands with `host` on it.

    Raises OSError: it is somebody else, or does not answer within `timeout_s`.
    """
    taken_over = socket.socket(fileno=plain.detach())
    taken_over.settimeout(timeout_s)
    return trust.wrap_socket(taken_over, server_hostname=host)
