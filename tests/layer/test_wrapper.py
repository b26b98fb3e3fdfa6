"""The exec wrapper changes the runtime's environment, then becomes the runtime."""

import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.conftest import missing

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


SHELLS = {
    "as it is": [],
    "dash": ["dash"],  # Debian's sh
    "bash": ["bash", "--posix"],  # Amazon Linux's sh
}


@dataclass(frozen=True)
class Wrapper:
    """The wrapper of a layer that was unpacked somewhere, and the shell that is to read it."""

    path: Path
    shell: list[str]


@pytest.fixture(params=["layer", "the layer, unpacked"])
def folder(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """A layer that was unpacked somewhere."""
    return Path(shutil.copytree(LAYER, tmp_path / request.param))


@pytest.fixture(params=SHELLS)
def wrapper(request: pytest.FixtureRequest, folder: Path) -> Wrapper:
    """Its wrapper, in each shell that Lambda or a test may have."""
    shell = SHELLS[request.param]
    if shell and shutil.which(shell[0]) is None:
        missing(shell[0])
    return Wrapper(folder / "governor", shell)


@dataclass(frozen=True)
class Seen:
    """What a runtime sees behind the wrapper: its environment, and where it finds the layer."""

    environ: dict[str, str]
    found: str | None
    log: list[str]


def run(wrapper: Wrapper, *runtime: str, **environ: str) -> Seen:
    """Start a `runtime` (Python, unless it is another) through the wrapper."""
    command = [*(runtime or [sys.executable]), "-c", SHOW, "an argument", "*"]
    with subprocess.Popen(
        [*wrapper.shell, wrapper.path, *command],
        env={"PATH": os.environ["PATH"], **environ},
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        *log, told = process.stdout.read().splitlines()
    assert process.returncode == 0
    pid, seen, found, arguments = json.loads(told)
    assert pid == process.pid, "the wrapper must become the runtime"
    assert arguments == ["an argument", "*"]
    return Seen(seen, found, log)


def called(name: str, folder: Path) -> str:
    """A program of that `name`; it is Python all the same."""
    program = folder / name
    program.write_text(f'#!/bin/sh\nexec {sys.executable} "$@"\n')
    program.chmod(0o755)
    return str(program)


def test_the_layer_gets_before_the_handler(wrapper: Wrapper) -> None:
    behind = run(wrapper, _HANDLER="app.handler")
    seen, found = behind.environ, behind.found
    assert seen["_HANDLER"] == "governor_layer.handler"
    assert seen["GOVERNOR_HANDLER"] == "app.handler"
    assert behind.log == []
    assert found is not None
    assert Path(found).is_relative_to(wrapper.path.parent)


@pytest.mark.parametrize(
    "handler", ["folder/app.handler", "a b.handler", "$(false)'\"\\*.handler", "-n.handler"]
)
def test_a_handler_is_moved_as_it_is(wrapper: Wrapper, handler: str) -> None:
    seen = run(wrapper, _HANDLER=handler).environ
    assert seen["GOVERNOR_HANDLER"] == handler


def test_node_gets_the_layer_for_node(wrapper: Wrapper, tmp_path: Path) -> None:
    node = called("node", tmp_path)
    seen = run(wrapper, node, _HANDLER="index.handler").environ
    layer = f"{wrapper.path.parent}/nodejs/node_modules/governor-layer"
    assert seen["_HANDLER"] == f"{layer}/index.handler"
    assert list(Path(layer).glob("index.*js")), "Node.js would not find it"
    assert seen["GOVERNOR_HANDLER"] == "index.handler"
    assert "PYTHONPATH" not in seen
    again = run(wrapper, node, _HANDLER=seen["_HANDLER"], GOVERNOR_HANDLER="index.handler").environ
    assert again["GOVERNOR_HANDLER"] == "index.handler", "it must not be moved again"


def test_another_program_may_come_before_the_runtime(wrapper: Wrapper, tmp_path: Path) -> None:
    between = tmp_path / "instrument"
    between.write_text('#!/bin/sh\nexec "$@"\n')
    between.chmod(0o755)
    seen = run(wrapper, str(between), sys.executable, _HANDLER="app.handler").environ
    assert seen["_HANDLER"] == "governor_layer.handler"


def test_another_program_may_be_run_by_an_interpreter_itself(
    wrapper: Wrapper, tmp_path: Path
) -> None:
    between = tmp_path / "instrument.py"
    between.write_text("import os, sys; os.execv(sys.argv[1], sys.argv[1:])")
    node = called("node", tmp_path)
    seen = run(wrapper, sys.executable, str(between), node, _HANDLER="index.handler").environ
    assert seen["_HANDLER"].endswith("governor-layer/index.handler")


def test_another_runtime_runs_as_ever_and_it_is_told(wrapper: Wrapper, tmp_path: Path) -> None:
    behind = run(wrapper, called("java", tmp_path), _HANDLER="App::handle")
    assert behind.environ["_HANDLER"] == "App::handle"
    assert "GOVERNOR_HANDLER" not in behind.environ
    (line,) = behind.log
    fields = json.loads(line)
    assert (fields["level"], fields["message"]) == ("WARN", "governor: bad setting")
    assert fields["reason"].startswith("AWS_LAMBDA_EXEC_WRAPPER")


def test_an_empty_python_path_hides_the_layer_too(wrapper: Wrapper) -> None:
    found = run(wrapper, _HANDLER="app.handler", PYTHONPATH="").found
    assert found is not None


def test_a_python_path_comes_first_and_stays(wrapper: Wrapper) -> None:
    behind = run(wrapper, _HANDLER="app.handler", PYTHONPATH="/one:/two")
    seen, found = behind.environ, behind.found
    assert seen["PYTHONPATH"] == f"/one:/two:{wrapper.path.parent}/python"
    assert found is not None


@pytest.mark.parametrize("value", ["", "0", "false", "FALSE"])
def test_a_switch_that_is_off_is_as_good_as_none(wrapper: Wrapper, value: str) -> None:
    seen = run(wrapper, _HANDLER="app.handler", GOVERNOR_DISABLED=value).environ
    assert seen["_HANDLER"] == "governor_layer.handler"


@pytest.mark.parametrize("value", ["1", "true", "TRUE", "yes", "on", "2", " "])
def test_disabled_it_changes_nothing(wrapper: Wrapper, value: str) -> None:
    behind = run(wrapper, _HANDLER="app.handler", GOVERNOR_DISABLED=value)
    seen, found = behind.environ, behind.found
    assert seen["_HANDLER"] == "app.handler"
    assert "GOVERNOR_HANDLER" not in seen
    assert "PYTHONPATH" not in seen
    assert found is None


def test_a_redirected_handler_is_not_moved_again(wrapper: Wrapper) -> None:
    seen = run(wrapper, _HANDLER="governor_layer.handler", GOVERNOR_HANDLER="app.handler").environ
    assert seen["GOVERNOR_HANDLER"] == "app.handler"
