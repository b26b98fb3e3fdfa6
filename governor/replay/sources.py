"""Which source a path names."""

from pathlib import Path

from governor.errors import InvalidInputError
from governor.replay.cloudwatch import CloudWatch
from governor.replay.reading import Record
from governor.replay.shelf import PACKED_BEGINS
from governor.replay.trace import Source

_RECORDS = b"{", PACKED_BEGINS


def source(path: Path) -> Source:
    """Return the record, or the metrics as CSV, at `path`. Raises `InvalidInputError`."""
    try:
        if path.is_dir():
            return Record(path)
        with path.open("rb") as file:
            begins = file.read(2)
        if not begins:
            raise InvalidInputError(path.name, "is empty")
        return Record(path) if begins.startswith(_RECORDS) else CloudWatch(path)
    except OSError as error:
        raise InvalidInputError(f"{path}", f"can't be read: {error.strerror}") from error
