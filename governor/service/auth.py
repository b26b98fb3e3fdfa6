"""Bearer tokens and what their roles may do."""

import re
from collections.abc import Mapping
from enum import StrEnum
from hashlib import sha256
from hmac import compare_digest
from ipaddress import ip_address
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from aiohttp import web

from governor.errors import SettingsError

_LINE: Final = re.compile(r"^(?P<role>\S+)\s+(?P<digest>[0-9a-f]{64})$")


class Role(StrEnum):
    """Who may call a route. `ANYONE` needs no token; a token has one of the others."""

    ANYONE = "anyone"
    LAYER = "layer"
    READER = "reader"
    ADMIN = "admin"

    def may_call(self, needed: "Role") -> bool:
        """Whether a token of this role opens a route that asks for `needed`."""
        return self is Role.ADMIN or self is needed or needed is Role.ANYONE


class Tokens:
    """The tokens that the service knows, as SHA-256 digests."""

    def __init__(self, roles: Mapping[bytes, Role]) -> None:
        """Know the token of each digest in `roles`. Without any, everyone may do everything."""
        self._roles = dict(roles)

    def __bool__(self) -> bool:
        """Whether there are any."""
        return bool(self._roles)

    def check(self, authorization: str | None, needed: Role) -> None:
        """Raise 401 or 403 unless the header `authorization` carries a token for `needed`."""
        if not self._roles or needed is Role.ANYONE:
            return
        scheme, _, token = (authorization or "").partition(" ")
        role = self._role(token.strip()) if scheme.lower() == "bearer" else None
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
        for known, role in self._roles.items():  # all of them: equal time for every token
            if compare_digest(known, digest):
                found = role
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


def load_tokens(path: Path | None) -> Tokens:
    """Read a tokens file: on each line a role and the SHA-256 of a token, in hexadecimal.

    Empty lines and lines that begin with # don't count. Raises `SettingsError` with the line.
    """
    if path is None:
        return Tokens({})
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"--tokens {path}: can't be read: {error}") from error
    roles: dict[bytes, Role] = {}
    for number, line in enumerate(lines, 1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        entry = _LINE.match(line.strip())
        if entry is None or entry["role"] not in {Role.LAYER, Role.READER, Role.ADMIN}:
            raise SettingsError(
                f"--tokens {path}, line {number}: expected 'layer', 'reader' or 'admin' and the "
                "SHA-256 of the token as 64 hexadecimal digits (printf %s TOKEN | sha256sum)"
            )
        roles[bytes.fromhex(entry["digest"])] = Role(entry["role"])
    if not roles:
        raise SettingsError(f"--tokens {path}: has no tokens; leave the setting out or add some")
    return Tokens(roles)
