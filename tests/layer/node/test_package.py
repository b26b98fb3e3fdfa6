"""What the package, its process and the exec wrapper are like."""

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.layer import toolchain
from tests.layer.behaviour import denies
from tests.layer.node.child import Child
from tests.layer.node.desks import Desk, environ
from tests.layer.node.environment import MODULES, PACKAGE
from tests.layer.standin import StandIn
from tests.layer.toolchain import INSTALL_TIMEOUT_S, MAJORS, typescript


def test_a_granted_invocation_leaves_nothing_that_keeps_the_process(
    node: Path, standin: StandIn
) -> None:
    with Child(node) as process:
        at = Desk(process, standin.url)
        at.check_in(remaining_ms=60_000)
        # Left with its lease held, its connection open and its renewals due, it ends.


def test_many_denials_keep_no_listeners(child: Child, standin: StandIn) -> None:
    standin.behaviour = denies
    counted = child.run(
        "const gate = entrance(given.environ);"
        "for (let n = 0; n < 20; n += 1)"
        "  await gate.run(new Call(async () => 1, null, [{}, contextOf()])).catch(() => {});"
        "return process.listenerCount('exit') + process.listenerCount('beforeExit');",
        environ=environ(standin.url),
    )
    assert counted == 2
    child.logged()


def test_loading_the_layer_loads_nothing_slow(node: Path) -> None:
    program = (
        "const before = new Set(process.moduleLoadList); require(process.argv[1]);"
        "console.log(process.moduleLoadList.filter((name) => !before.has(name)).join('\\n'))"
    )
    loaded = subprocess.run(
        # AWS's runtime has loaded node:http by then.
        [node, "-e", f"require('node:http'); {program}", PACKAGE],
        check=True,
        capture_output=True,
        text=True,
    ).stdout.split("\n")
    assert [name for name in loaded if name != ""] == []


@pytest.mark.parametrize("major", MAJORS)
@pytest.mark.parametrize("module", ["index", "main", "target"])
def test_a_handler_that_is_the_layers_own(major: int, module: str) -> None:
    name = f"{PACKAGE}/{module}.handler"
    begun = subprocess.run(
        [toolchain.node(major), "-e", f"import({json.dumps(f'{PACKAGE}/index.mjs')})"],
        env={"PATH": os.environ["PATH"], "GOVERNOR_HANDLER": name, "LAMBDA_TASK_ROOT": "/"},
        check=False,
        capture_output=True,
        text=True,
        timeout=20,
    )
    assert f"Bad handler '{name}': GOVERNOR_HANDLER must be the function's own" in begun.stderr


@pytest.mark.timeout(INSTALL_TIMEOUT_S)
def test_types(node: Path, tmp_path: Path) -> None:
    folder = typescript()
    # Of what lies in node_modules it takes no notice.
    shutil.copytree(PACKAGE, tmp_path / "layer")
    config = json.loads((Path(__file__).with_name("tsconfig.json")).read_text())
    config["include"] = ["layer/*.js", "layer/*.mjs"]
    config["compilerOptions"]["typeRoots"] = [str(folder / "node_modules" / "@types")]
    config["compilerOptions"]["types"] = ["node"]
    (tmp_path / "tsconfig.json").write_text(json.dumps(config))
    checked = subprocess.run(
        [node, folder / "node_modules" / "typescript" / "bin" / "tsc", "--project", tmp_path],
        capture_output=True,
        text=True,
        check=False,
    )
    assert checked.stdout == ""
    assert checked.returncode == 0


def wrapped(*command: str | Path) -> list[str]:
    """What a command writes that Lambda runs through the exec wrapper."""
    return subprocess.run(
        [MODULES.parents[1] / "governor", *command],
        env={"PATH": os.environ["PATH"], "_HANDLER": "app.handler"},
        check=True,
        capture_output=True,
        text=True,
    ).stdout.splitlines()


def test_another_wrapper_may_come_first(node: Path) -> None:
    program = "process.env._HANDLER + ' ' + process.env.GOVERNOR_HANDLER"
    assert wrapped("/usr/bin/env", node, "-p", program) == [f"{PACKAGE}/index.handler app.handler"]


def test_another_runtime_is_left_alone() -> None:
    line, *variables = wrapped("/usr/bin/env")
    assert json.loads(line)["message"] == "governor: bad setting"
    assert "_HANDLER=app.handler" in variables
