"""The function's own handler is found, or not, as AWS's runtime does it."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from awslambdaric.bootstrap import (  # type: ignore[import-untyped]
    _get_handler,
    build_fault_result,
)
from awslambdaric.lambda_runtime_exception import (  # type: ignore[import-untyped]
    FaultException,
)
from governor_layer.target import resolve


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


def test_importing_the_layer_imports_nothing_slow() -> None:
    program = (
        "import sys, awslambdaric.bootstrap; before = set(sys.modules); import governor_layer;"
        "print(*(set(sys.modules) - before))"
    )
    layer = Path(__file__).parents[2] / "lambda_layer" / "python"
    imported = subprocess.run(
        [sys.executable, "-c", f"import sys; sys.path.insert(0, {str(layer)!r}); {program}"],
        check=True,
        capture_output=True,
        text=True,
    ).stdout.split()
    assert {name for name in imported if not name.startswith("governor_layer")} == {"_socket"}
