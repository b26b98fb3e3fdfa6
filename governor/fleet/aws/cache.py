"""What was read of single functions, kept on disk for a day.

A file for each account and Region. It is replaced as a whole, so that who reads it while another
writes reads the one or the other; what another has written meanwhile is kept if it is newer.
"""

import os
import tempfile
from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Final

import msgspec
from msgspec import Struct

from governor.errors import GovernorError, SettingsError
from governor.fleet.details import Details
from governor.fleet.function import Function

MAX_AGE_S: Final = 24 * 3600.0
"""Policies, aliases and reservations change without the function's revision."""

_FORM: Final = 1


class CacheError(GovernorError):
    """The cache can't be written."""


class Entry(Struct, frozen=True, omit_defaults=True):
    """A function as it was read at a time, in seconds since 1970."""

    read_at_s: float
    revision: str
    details: Details


class _File(Struct, frozen=True):
    form: int
    functions: dict[str, Entry]


class Cache:
    """The cache in the file at `path`, which need not exist nor make sense."""

    def __init__(self, path: Path) -> None:
        """Read it."""
        self.path = path
        self._entries = _entries(path)

    def get(self, functions: Iterable[Function], now_s: float) -> Mapping[str, Entry]:
        """Return the entries, by name, of those of `functions` that have not changed since."""
        found = ((each, self._entries.get(each.arn)) for each in functions)
        return {
            function.name: entry
            for function, entry in found
            if entry is not None
            and entry.revision == function.revision
            and 0 <= now_s - entry.read_at_s < MAX_AGE_S
        }

    def put(self, function: Function, details: Details, now_s: float) -> None:
        """Remember what was read; not what was in part only, nor what is brief or to be mended."""
        if not (details.unread or details.braked or details.old_aliases):
            self._entries[function.arn] = Entry(now_s, function.revision, details)

    def save(self, now_s: float) -> None:
        """Write it, less what is too old. Raises `CacheError`."""
        merged = _entries(self.path)
        for arn, entry in self._entries.items():
            if arn not in merged or merged[arn].read_at_s <= entry.read_at_s:
                merged[arn] = entry
        kept = {arn: each for arn, each in merged.items() if now_s - each.read_at_s < MAX_AGE_S}
        try:
            self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            _replace(self.path, msgspec.json.encode(_File(_FORM, kept)))
        except OSError as error:
            raise CacheError(
                f"{self.path} can't be written ({error.strerror}), so all is read again next time"
            ) from error


def path_for(account: str, region: str) -> Path:
    """Return where the cache of an account and Region lies (XDG base directory specification).

    Raises `SettingsError`.
    """
    base = os.environ.get("XDG_CACHE_HOME")
    if not base:
        try:
            base = f"{Path.home() / '.cache'}"
        except RuntimeError as error:  # a container's user that no one knows
            raise SettingsError(
                "there is no home directory to remember in what was read: set XDG_CACHE_HOME"
            ) from error
    return Path(base) / "governor" / f"fleet-{account}-{region}.json"


def _entries(path: Path) -> dict[str, Entry]:
    """What stands in the file; nothing if that can't be made out."""
    with suppress(OSError, msgspec.DecodeError, UnicodeDecodeError):
        read = msgspec.json.decode(path.read_bytes(), type=_File)
        if read.form == _FORM:
            return read.functions
    return {}


def _replace(path: Path, content: bytes) -> None:
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink()
        raise
