"""Make tokens for a governor to try out: a file for each role, and the file of their digests.

The argument is the folder. What is there already stays, so it may run at every start.
"""

import secrets
import sys
from hashlib import sha256
from pathlib import Path

DIGESTS = "tokens"
ROLES = ("layer", "reader", "admin")


def main(folder: Path) -> None:
    """Write the tokens into `folder`; the digests last, so that a half-done run begins again."""
    if (folder / DIGESTS).exists():
        return
    lines = []
    for role in ROLES:
        token = secrets.token_hex(24)
        _write(folder / role, token)
        lines.append(f"{role} {sha256(token.encode()).hexdigest()}\n")
    _write(folder / DIGESTS, "".join(lines))


def _write(file: Path, text: str) -> None:
    """Write a file that the other containers' users can read, all of it or none."""
    new = file.with_suffix(".new")
    new.write_text(text, encoding="ascii")
    new.chmod(0o444)
    new.replace(file)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
