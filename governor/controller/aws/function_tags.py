"""The functions' tags, read every few minutes: what puts functions into groups."""

from typing import Final

from msgspec import Raw

from governor.aws.tagged import TagReader
from governor.controller.aws.calls import Calls
from governor.controller.aws.clients import Clients
from governor.facts import packed

_DUE_S: Final = 120.0
_PAGES: Final = 5
"""Pages in a cycle, of 100 functions each: 10,000 functions take twenty cycles."""


class FunctionTags:
    """Reads them a few pages at a time, since a cycle has better things to do.

    The originals in tags are read apart: with a filter of theirs they are one page as a rule, and
    they have to be known in the same cycle.
    """

    def __init__(self, clients: Clients, calls: Calls) -> None:
        """Nothing has been read."""
        self._reader = TagReader(clients.tags, calls.read)
        self._read_at_s: float | None = None

    def read(self, at_s: float) -> dict[str, Raw] | None:
        """Go on if it is time; return all of them, as facts keep them, when the last one is there.

        `at_s` is the store's time, which may be set back. Raises `CallError`.
        """
        if self._read_at_s is not None and abs(at_s - self._read_at_s) < _DUE_S:
            return None
        tags = self._reader.read(_PAGES)
        if tags is None:
            return None
        self._read_at_s = at_s
        return packed(tags)
