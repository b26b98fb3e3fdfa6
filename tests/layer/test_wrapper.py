"""The exec wrapper changes the runtime's environment, then becomes the runtime."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

LAYER = Path(__file__).parents[2] / "lambda_layer"
SHOW = """
import json, os, sys
try:
    import governor_layer
    found = governor_layer.__file__
except ImportError:
    found = None
print(json.dumps([os.getpid(), dict(os.environ), found, sys.argv[1:]]))
"""


@pytest.fixture(params=["layer", "the layer, unpacked"])
def wrapper(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """The wrapper of a layer that was unpacked somewhere."""
    folder: Path = tmp_path / request.param
    shutil.copytree(LAYER, folder)
    return folder / "governor"


def run(wrapper: Path, **environ: str) -> tuple[dict[str, str], str | None]:
    """The environment that a runtime sees behind the wrapper, and where it finds the layer."""
    with subprocess.Popen(
        [wrapper, sys.executable, "-c", SHOW, "an argument", "*"],
        env={"PATH": os.environ["PATH"], **environ},
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        pid, seen, found, arguments = json.load(process.stdout)
    assert process.returncode == 0
    assert pid == process.pid, "the wrapper must become the runtime"
    assert arguments == ["an argument", "*"]
    return seen, found


def test_the_layer_gets_before_the_handler(wrapper: Path) -> None:
    seen, found = run(wrapper, _HANDLER="app.handler")
    assert seen["_HANDLER"] == "governor_layer.handler"
    assert seen["GOVERNOR_HANDLER"] == "app.handler"
    assert found is not None
    assert Path(found).is_relative_to(wrapper.parent)


def test_a_python_path_comes_first_and_stays(wrapper: Path) -> None:
    seen, found = run(wrapper, _HANDLER="app.handler", PYTHONPATH="/one:/two")
    assert seen["PYTHONPATH"] == f"/one:/two:{wrapper.parent}/python"
    assert found is not None


@pytest.mark.parametrize("value", ["1", "true"])
def test_disabled_it_changes_nothing(wrapper: Path, value: str) -> None:
    seen, found = run(wrapper, _HANDLER="app.handler", GOVERNOR_DISABLED=value)
    assert seen["_HANDLER"] == "app.handler"
    assert "GOVERNOR_HANDLER" not in seen
    assert "PYTHONPATH" not in seen
    assert found is None


def test_a_redirected_handler_is_not_moved_again(wrapper: Path) -> None:
    seen, _ = run(wrapper, _HANDLER="governor_layer.handler", GOVERNOR_HANDLER="app.handler")
    assert seen["GOVERNOR_HANDLER"] == "app.handler"
