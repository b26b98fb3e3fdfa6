"""The layer's zip file, unpacked as Lambda does it."""

import stat
import zipfile
from io import BytesIO
from pathlib import Path


def unpack(content: bytes, folder: Path) -> Path:
    """Unpack the zip file into `folder`, with the permissions that it gives; return `folder`."""
    with zipfile.ZipFile(BytesIO(content)) as archive:
        for entry in archive.infolist():
            file = Path(archive.extract(entry, folder))
            file.chmod(stat.S_IMODE(entry.external_attr >> 16))
    return folder
