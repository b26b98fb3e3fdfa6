"""Who may call: by the token that a request carries, or by the page that sends it."""

from collections.abc import Sequence
from hashlib import sha256
from hmac import compare_digest
from ipaddress import ip_address
from urllib.parse import urlsplit

from aiohttp import web

from governor.tokens import Role, Token


class Tokens:
    """The tokens that the service knows."""

    def __init__(self, known: Sequence[Token]) -> None:
        """Know these. Without any, everyone may do everything."""
        self._known = known

    def __bool__(self) -> bool:
        """Whether there are any."""
        return bool(self._known)

    def check(self, authorization: str | None, needed: Role) -> None:
        """Raise 401 or 403 unless the header `authorization` carries a token for `needed`."""
        if not self._known or needed is Role.ANYONE:
            return
        scheme, _, token = (authorization or "").partition(" ")
        token = token.strip()
        role = self._role(token) if token and scheme.lower() == "bearer" else None
        if role is None:
            raise web.HTTPUnauthorized(
                text="the Authorization header must be 'Bearer' and a token that the service knows",
                headers={"WWW-Authenticate": 'Bearer realm="governor"'},
            )
        if not role.may_call(needed):
            raise web.HTTPForbidden(
                text=f"this token's role is {role}; the call needs the role {needed} or admin"
            )

    def _role(self, token: str) -> Role | None:
        digest = sha256(token.encode("utf-8", "surrogateescape")).digest()
        found = None
        for known in self._known:  # all of them: equal time for every token
            if compare_digest(known.digest, digest):
                found = known.role
        return found


def check_origin(origin: str | None) -> None:
    """Raise 403 if the page of another machine's server sent the request, by its `Origin` header.

    For a service without tokens, which listens on loopback only: pages that a browser there shows
    may send it requests, and browsers tell where the page is from whenever one may change something
    (Fetch standard, "Origin header").
    """
    if origin is not None and not _is_of_this_machine(origin):
        raise web.HTTPForbidden(
            text=f"a page of {origin} may not call a governor without tokens; give it --tokens"
        )


def _is_of_this_machine(url: str) -> bool:
    try:
        name = urlsplit(url).hostname or ""
        return name == "localhost" or ip_address(name).is_loopback
    except ValueError:
        return False
