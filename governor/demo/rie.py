"""AWS's Lambda Runtime Interface Emulator (RIE), fetched once and kept.

AWS ships the binary in the wheel of its SAM command line. Only that one file is taken from it.
"""

import os
import platform
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path
from typing import Final

from governor.errors import GovernorError

WHEEL: Final = "aws-sam-cli==1.170.0"
DOWNLOAD_TIMEOUT_S: Final = 300
MACHINES: Final = {"x86_64": "x86_64", "amd64": "x86_64", "aarch64": "arm64", "arm64": "arm64"}
"""The emulator's names for processors, by `platform.machine()`'s."""


class EmulatorMissingError(GovernorError):
    """AWS's emulator is neither on this machine nor to be had from the package index."""


def default_cache() -> Path:
    """Where the binary is kept unless told otherwise: in the current directory."""
    return Path.cwd() / ".cache"


def emulator(cache: Path) -> Path:
    """Return the path of the emulator in the directory `cache`, downloading it if it isn't there.

    The download is pip's, with the user's own configuration of it. Safe to call from several
    processes at once.

    Raises:
        EmulatorMissingError: there is none for this machine, or it can't be downloaded.

    """
    machine = MACHINES.get(platform.machine().lower())
    if sys.platform != "linux" or machine is None:
        raise EmulatorMissingError(
            f"AWS has no Lambda emulator for {sys.platform} on {platform.machine()}: "
            "use Linux on x86_64 or arm64"
        )
    name = f"aws-lambda-rie-{machine}"
    # The version is in the name: another one is another file.
    binary = cache / f"{name}-{WHEEL.partition('==')[2]}"
    if not binary.exists():
        cache.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=cache) as scratch:
            unpacked = _unpacked(_downloaded(Path(scratch)), name)
            unpacked.chmod(0o755)
            unpacked.rename(binary)
    return binary


def _downloaded(folder: Path) -> Path:
    """Download the wheel into `folder` and return its path."""
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps"]
    command += ["--disable-pip-version-check", "--dest", os.fspath(folder), WHEEL]
    advice = "check pip's access to its index, and try again"
    try:
        subprocess.run(  # noqa: S603 - our own interpreter, constant arguments
            command, check=True, capture_output=True, text=True, timeout=DOWNLOAD_TIMEOUT_S
        )
    except subprocess.CalledProcessError as error:
        raise EmulatorMissingError(
            f"pip could not download {WHEEL}, which holds AWS's Lambda emulator; {advice}:\n"
            f"{error.stderr.strip()}"
        ) from error
    except subprocess.TimeoutExpired as error:
        raise EmulatorMissingError(
            f"pip did not download {WHEEL}, which holds AWS's Lambda emulator, "
            f"within {DOWNLOAD_TIMEOUT_S} s; {advice}"
        ) from error
    return next(folder.glob("*.whl"))


def _unpacked(wheel: Path, name: str) -> Path:
    """Unpack the emulator `name` beside the `wheel` and return its path."""
    member = f"samcli/local/rapid/{name}"
    try:
        with zipfile.ZipFile(wheel) as archive:
            return Path(archive.extract(member, wheel.parent))
    except (KeyError, zipfile.BadZipFile) as error:
        raise EmulatorMissingError(f"{wheel.name} holds no {member}: {error}") from error
