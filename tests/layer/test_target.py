"""The function's own handler is found, or not, as AWS's runtime does it."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from awslambdaric.bootstrap import (
    _get_handler,
    build_fault_result,
)
from awslambdaric.lambda_runtime_exception import (
    FaultException,
)
from governor_layer.target import resolve

from tests.layer.standin import StandIn

LAYER = Path(__file__).parents[2] / "lambda_layer" / "python"
SMALL = {"_socket"}
"""What of the standard library the layer imports though the runtime has not."""
LOOK_UP = "runtime._get_handler('governor_layer.handler')"
DECORATE = "from governor_layer import governed; governed(print)"


@pytest.fixture
def modules(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder on the import path, whose modules are forgotten afterwards."""
    monkeypatch.syspath_prepend(str(tmp_path))
    for name in ("unmade", "unmade_dependant", "broken", "strange", "sound", "pack", "pack.inner"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    return tmp_path


def reported_by_aws(name: str) -> tuple[str, str]:
    """Type and message that AWS's runtime reports for a handler that it looks up itself."""
    try:
        _get_handler(name)
    except FaultException as fault:
        return fault.exception_type, fault.msg
    except Exception:  # noqa: BLE001 - so does the runtime
        return reported(build_fault_result(sys.exc_info(), None))
    raise AssertionError(f"{name} was found")


def reported_with_layer(name: str) -> tuple[str, str]:
    """Type and message that AWS's runtime reports for a handler that the layer looks up."""
    try:
        resolve(name)
    except AttributeError:
        return "AttributeError", "by which the runtime would say that *our* handler is missing"
    except Exception:  # noqa: BLE001 - so does the runtime
        return reported(build_fault_result(sys.exc_info(), None))
    raise AssertionError(f"{name} was found")


def reported(result: dict[str, Any]) -> tuple[str, str]:
    """Type and message in what the runtime posts."""
    return result["errorType"], result["errorMessage"]


@pytest.mark.parametrize(
    ("name", "source"),
    [
        ("unmade.handler", None),
        ("unmade_dependant.handler", "import nowhere_to_be_found"),
        ("broken.handler", "def handler(:"),
        ("strange.handler", "raise RuntimeError('no database')"),
        ("strange.handler", "import os\nos.no_such_thing"),
        ("strange.handler", "import os\nfrom os import no_such_thing"),
        ("sound.no_handler", "def handler(event, context): ..."),
        ("sys.exit", None),
    ],
)
def test_an_error_is_reported_as_without_the_layer(
    modules: Path, name: str, source: str | None
) -> None:
    if source is not None:
        (modules / f"{name.partition('.')[0]}.py").write_text(source)
    assert reported_with_layer(name) == reported_by_aws(name)


def test_a_name_without_a_dot_is_malformed() -> None:
    kind, message = reported_with_layer("handler")
    assert kind == reported_by_aws("handler")[0] == "Runtime.MalformedHandlerName"
    assert "GOVERNOR_HANDLER" in message


def test_a_slash_stands_for_a_dot(modules: Path) -> None:
    (modules / "pack").mkdir()
    (modules / "pack" / "inner.py").write_text("def handler(event, context): return 'inner'")
    assert resolve("pack/inner.handler")(None, None) == "inner"


@pytest.fixture
def sound(modules: Path) -> dict[str, str]:
    """The variables of a function whose handler is as simple as can be."""
    (modules / "sound.py").write_text("def handler(event, context): return 'ran'")
    return {
        "PYTHONPATH": f"{modules}:{LAYER}",
        "AWS_LAMBDA_FUNCTION_NAME": "etl-load",
        "GOVERNOR_HANDLER": "sound.handler",
        "GOVERNOR_TIMEOUT_MS": "20000",
    }


def run(program: str, variables: dict[str, str]) -> "subprocess.CompletedProcess[str]":
    """Run `program` in AWS's runtime."""
    return subprocess.run(
        [sys.executable, "-c", f"import sys, awslambdaric.bootstrap as runtime; {program}"],
        env=variables,
        check=False,
        capture_output=True,
        text=True,
    )


def imported(program: str, variables: dict[str, str]) -> set[str]:
    """The modules that `program` imports on top of the runtime."""
    shown = f"before = set(sys.modules); {program}; print(*(set(sys.modules) - before))"
    done = run(shown, variables)
    assert done.returncode == 0, done.stderr
    return set(done.stdout.split())


def test_importing_the_layer_imports_nothing_slow(sound: dict[str, str]) -> None:
    names = imported("import governor_layer", sound)
    assert {name for name in names if not name.startswith("governor_layer")} == SMALL


def test_a_granted_invocation_imports_what_it_needs(
    standin: StandIn, sound: dict[str, str]
) -> None:
    short = "type('Context', (), {'get_remaining_time_in_millis': lambda _: 3000})()"
    names = imported(f"{LOOK_UP}({{}}, {short})", {**sound, "GOVERNOR_URL": standin.url})
    assert len(standin.ids()) == 1
    assert {name for name in names if not name.startswith("governor_layer")} == {*SMALL, "sound"}
    seldom = {"denial", "journal", "metrics", "refusal", "renewal", "secret", "tls"}
    assert not {f"governor_layer.{name}" for name in seldom} & names


def test_encryption_is_loaded_while_the_runtime_initialises(sound: dict[str, str]) -> None:
    names = imported(LOOK_UP, {**sound, "GOVERNOR_URL": "https://governor"})
    assert {"ssl", "governor_layer.tls"} <= names


@pytest.mark.parametrize("collects", [True, False])
def test_a_function_finds_the_garbage_collector_as_it_left_it(
    sound: dict[str, str], *, collects: bool
) -> None:
    as_the_function_wants_it = "import gc; " + ("" if collects else "gc.disable(); ")
    program = f"{as_the_function_wants_it}{LOOK_UP}; assert gc.isenabled() is {collects}"
    done = run(program, {**sound, "GOVERNOR_URL": "https://governor"})
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("disabled", [True, False])
def test_a_layer_that_stands_aside_leaves_the_handler_bare(
    sound: dict[str, str], *, disabled: bool
) -> None:
    bare = f"import sound; assert {LOOK_UP} is sound.handler"
    done = run(bare, {**sound, **({"GOVERNOR_DISABLED": "1"} if disabled else {})})
    assert (done.returncode, done.stderr) == (0, "")
    lines = done.stdout.splitlines()
    assert len(lines) == (0 if disabled else 1)
    assert all(json.loads(line)["reason"].startswith("GOVERNOR_URL is unset") for line in lines)


@pytest.mark.parametrize("program", [LOOK_UP, DECORATE])
def test_closed_a_bad_setting_is_the_end_while_the_runtime_initialises(
    sound: dict[str, str], program: str
) -> None:
    done = run(program, {**sound, "GOVERNOR_FAIL": "closed"})
    assert done.returncode != 0
    assert done.stdout == ""
    assert done.stderr.splitlines()[-1].endswith(
        "BadSettingError: GOVERNOR_URL is unset: set it to the governor's address, http://host:port"
    )


@pytest.mark.parametrize("name", [None, "", "handler", "governor_layer.handler"])
def test_a_missing_handler_is_named(sound: dict[str, str], name: str | None) -> None:
    del sound["GOVERNOR_HANDLER"]
    done = run(LOOK_UP, sound | ({} if name is None else {"GOVERNOR_HANDLER": name}))
    assert f"Runtime.MalformedHandlerName: GOVERNOR_HANDLER is {name or ''!r}: set" in done.stderr


def test_the_error_is_the_layers_own(sound: dict[str, str]) -> None:
    assert run("from governor_layer import ConcurrencyLimitExceeded", sound).returncode == 0
