"""Bearer tokens as a file has them: roles, and the hashes of who has them."""

import re
from dataclasses import dataclass
from enum import StrEnum
from hashlib import sha256
from pathlib import Path
from typing import Final

from governor.errors import SettingsError

_LINE: Final = re.compile(r"^(?P<role>\S+)\s+(?P<digest>[0-9a-f]{64})$")

_OF_NOTHING: Final = sha256(b"").hexdigest()
"""What is in the file when the command that was to make the token has failed."""


class Role(StrEnum):
    """Who may call a route. `ANYONE` needs no token; a token has one of the others."""

    ANYONE = "anyone"
    LAYER = "layer"
    READER = "reader"
    ADMIN = "admin"

    def may_call(self, needed: "Role") -> bool:
        """Whether a token of this role opens a route that asks for `needed`."""
        return self is Role.ADMIN or self is needed or needed is Role.ANYONE


@dataclass(frozen=True, slots=True)
class Token:
    """A token that the service knows, by its SHA-256."""

    digest: bytes
    role: Role


def read_tokens(path: Path) -> tuple[Token, ...]:
    """Read a tokens file: on each line a role and the SHA-256 of a token, in hexadecimal.

    Empty lines and lines that begin with # don't count. Raises `SettingsError` with the line.
    """
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"--tokens {path}: can't be read: {error}") from error
    tokens: list[Token] = []
    lines_of: dict[str, int] = {}
    for number, line in enumerate(lines, 1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        entry = _LINE.match(line.strip())
        if entry is None or entry["role"] not in {Role.LAYER, Role.READER, Role.ADMIN}:
            raise SettingsError(
                f"--tokens {path}, line {number}: expected 'layer', 'reader' or 'admin' and the "
                "SHA-256 of the token as 64 hexadecimal digits (printf %s TOKEN | sha256sum)"
            )
        digest = entry["digest"]
        if digest == _OF_NOTHING:
            raise SettingsError(
                f"--tokens {path}, line {number}: is the SHA-256 of an empty token: make another "
                "one, and see that the command for it (openssl rand -hex 24) prints something"
            )
        if digest in lines_of:
            raise SettingsError(
                f"--tokens {path}, line {number}: is the same token as in line {lines_of[digest]}: "
                "a token has one role, so remove one of the two"
            )
        lines_of[digest] = number
        tokens.append(Token(bytes.fromhex(digest), Role(entry["role"])))
    if not tokens:
        raise SettingsError(f"--tokens {path}: has no tokens; leave the setting out or add some")
    return tuple(tokens)
