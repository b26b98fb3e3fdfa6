"""The layer as a zip file: the same bytes from the same sources."""

import base64
import hashlib
import io
import stat
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from governor.errors import GovernorError
from governor.layer.bare import bare

WRAPPER: Final = "governor"
SHIPPED: Final = (
    WRAPPER,
    "python/governor_layer/**/*.py",
    "nodejs/node_modules/governor-layer/**/*.js",
    "nodejs/node_modules/governor-layer/**/*.cjs",
    "nodejs/node_modules/governor-layer/**/*.mjs",
    "nodejs/node_modules/governor-layer/**/package.json",
)
"""What becomes /opt, as patterns. What lies beside it (bytecode, tests, tools) stays behind."""

EPOCH: Final = (1980, 1, 1, 0, 0, 0)
"""The earliest time that a zip file can give a file."""

UNIX: Final = 3
"""Zip's number of the system whose permissions an entry has."""

LEVEL: Final = 9


class LayerSourcesError(GovernorError):
    """The layer's sources are not where they should be."""


@dataclass(frozen=True, slots=True)
class Archive:
    """The layer's zip file."""

    content: bytes

    @property
    def sha256(self) -> str:
        """Its SHA-256 in hexadecimal, as `sha256sum` has it."""
        return hashlib.sha256(self.content).hexdigest()

    @property
    def code_sha256(self) -> str:
        """Its SHA-256 in base64, as AWS has it (`CodeSha256`)."""
        return base64.b64encode(hashlib.sha256(self.content).digest()).decode()


def sources() -> Path:
    """The folder of the layer's sources: in an installed package, or in the checkout."""
    installed = Path(__file__).parent / "files"  # pyproject.toml puts them there
    return installed if installed.is_dir() else Path(__file__).parents[2] / "lambda_layer"


def build(folder: Path) -> Archive:
    """Pack the layer whose sources lie in `folder`, without their comments.

    Order, times and permissions are fixed, so the same sources give the same bytes wherever Python
    has the same zlib. Another one may compress otherwise; what is unpacked is equal all the same.

    Raises:
        LayerSourcesError: there is no layer in `folder`.

    """
    files = dict(sorted(_shipped(folder)))
    if WRAPPER not in files or not any(name.startswith("python/") for name in files):
        raise LayerSourcesError(f"{folder} holds no layer: install the governor again")
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for name, file in files.items():
            entry = zipfile.ZipInfo(name, EPOCH)
            entry.create_system = UNIX
            permissions = 0o755 if name == WRAPPER else 0o644
            entry.external_attr = (stat.S_IFREG | permissions) << 16
            content = bare(name, file.read_text(encoding="utf-8"))
            archive.writestr(entry, content, zipfile.ZIP_DEFLATED, LEVEL)
    return Archive(packed.getvalue())


def _shipped(folder: Path) -> Iterator[tuple[str, Path]]:
    for pattern in SHIPPED:
        for file in folder.glob(pattern):
            yield file.relative_to(folder).as_posix(), file
