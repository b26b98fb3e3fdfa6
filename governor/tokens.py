"""Bearer tokens as a file has them: roles, and the hashes of who has them."""

import re
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Final

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
    for number, line in enumerate(lines, 1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        entry = _LINE.match(line.strip())
        if entry is None or entry["role"] not in {Role.LAYER, Role.READER, Role.ADMIN}:
            raise SettingsError(
                f"--tokens {path}, line {number}: expected 'layer', 'reader' or 'admin' and the "
                "SHA-256 of the token as 64 hexadecimal digits (printf %s TOKEN | sha256sum)"
            )
        tokens.append(Token(bytes.fromhex(entry["digest"]), Role(entry["role"])))
    if not tokens:
        raise SettingsError(f"--tokens {path}: has no tokens; leave the setting out or add some")
    return tuple(tokens)
