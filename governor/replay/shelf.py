"""A directory of bounded files: written line by line, the full ones packed, the oldest removed."""

import fcntl
import gzip
import os
import shutil
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from governor.errors import SettingsError

PACKED_BEGINS: Final = b"\x1f\x8b"
"""Of any file that gzip has packed."""

PACKED: Final = ".jsonl.gz"
OPEN: Final = ".jsonl"
FILES: Final = 10
"""A full shelf has so many files or more: removing the oldest costs a tenth of the record."""

_NONE: Final = -1

LONGEST_S: Final = 3600
"""Time that a file covers at most."""


class Shelf:
    """Writes a record's files into a directory, which never holds more than `most_bytes`."""

    def __init__(self, folder: Path, most_bytes: int) -> None:
        """Write into `folder`, which is made if need be.

        Raises `OSError`, and `SettingsError` if another recorder writes there.
        """
        folder.mkdir(parents=True, exist_ok=True)
        self._lock = os.open(folder, os.O_RDONLY)
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            os.close(self._lock)
            raise SettingsError(
                f"another recorder writes to {folder}; stop it, or name another directory"
            ) from error
        for left in folder.glob("*.packing"):  # of a recorder that was killed
            left.unlink()
        self._folder = folder
        self._most_bytes = most_bytes
        self._file = _NONE
        self._path = folder
        self._began_ms = 0
        self._size = 0

    def is_full(self, at_ms: int) -> bool:
        """Whether the line of `at_ms` wants a new file."""
        return (
            self._file == _NONE
            or self._size * FILES >= self._most_bytes
            or at_ms - self._began_ms >= LONGEST_S * 1000
        )

    def begin(self, header: bytes, at_ms: int) -> None:
        """Start a file with `header`; pack the one before and make room."""
        self._end()
        stem = datetime.fromtimestamp(at_ms / 1000, UTC).strftime("%Y%m%dT%H%M%S")
        self._path = self._folder / f"{stem}.{at_ms % 1000:03}Z{OPEN}"
        self._file = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o644)
        self._began_ms, self._size = at_ms, 0
        self.write(header)
        self._make_room()

    def write(self, line: bytes) -> None:
        """Add `line`. It is the kernel's before this returns: a crash costs no line before it."""
        rest = line + b"\n"
        while rest:  # where a disk is nearly full less is written, and the next time says why
            written = os.write(self._file, rest)
            self._size, rest = self._size + written, rest[written:]

    def close(self) -> None:
        """End and pack the running file, and leave the directory to others."""
        self._end()
        os.close(self._lock)

    def _end(self) -> None:
        if self._file != _NONE:
            os.close(self._file)
            self._file = _NONE
            pack(self._path)

    def _make_room(self) -> None:
        """Remove the oldest files: the running one has room to become full, and to be packed."""
        files = recorded_files(self._folder)
        used = sum(file.stat().st_size for file in files)
        room = self._most_bytes - 2 * (self._most_bytes // FILES)
        for file in files:
            if used <= room or file == self._path:
                return
            used -= file.stat().st_size
            file.unlink()


def recorded_files(folder: Path) -> list[Path]:
    """Return the files of a record, the oldest first, each once: packed, where it is both."""
    files = {file.name: file for file in sorted(folder.iterdir())}
    return [
        file
        for name, file in files.items()
        if name.endswith(PACKED) or (name.endswith(OPEN) and f"{name}.gz" not in files)
    ]


def pack(path: Path) -> None:
    """Compress a file, to about an eighth; at every moment one of both is there, whole."""
    packing = path.with_suffix(".packing")
    with path.open("rb") as plain, gzip.open(packing, "wb", compresslevel=6) as packed:
        shutil.copyfileobj(plain, packed)
    packing.rename(path.with_name(path.name + ".gz"))
    path.unlink()
