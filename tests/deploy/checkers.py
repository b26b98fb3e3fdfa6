"""Other people's checkers, as programs."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

from tests.conftest import missing


def checked(*command: str | Path) -> None:
    """Run a checker of this environment or of the system; whatever it finds fails the test."""
    name, *arguments = command
    places = os.pathsep.join((str(Path(sys.executable).parent), os.environ["PATH"]))
    binary = shutil.which(name, path=places)
    if binary is None:
        missing(str(name))
    assert binary is not None
    done = subprocess.run([binary, *arguments], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
