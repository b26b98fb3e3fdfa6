"""The layer in the other versions of Python that one zip is for."""

import json
import subprocess
from pathlib import Path

import pytest

from governor.layer.archive import build, sources
from tests.layer import toolchain
from tests.layer.table import (
    Outcome,
    assert_asked,
    assert_came,
    assert_logged,
    cases,
    environ_of,
    event_of,
)
from tests.layer.unpacked import unpack

HERE = Path(__file__).parent
ROOT = HERE.parents[2]

pytestmark = pytest.mark.timeout(toolchain.INSTALL_TIMEOUT_S)


@pytest.mark.parametrize("version", toolchain.PYTHONS)
def test_every_case_in_another_python(version: str, tmp_path: Path) -> None:
    table = cases()
    given = [
        {
            "event": event_of(case),
            "environ": environ_of(case, "http://127.0.0.1:8642"),
            "governor": case.get("governor", []),
            "remaining_ms": case.get("remaining_ms", 10_000),
        }
        for case in table.values()
    ]
    layer = unpack(build(sources()).content, tmp_path / "opt") / "python"
    (tmp_path / "given.json").write_text(json.dumps(given))
    ran = subprocess.run(
        [
            *(toolchain.node(max(toolchain.MAJORS)), HERE / "interpreter.mjs"),
            *(toolchain.pyodide(version), HERE / "cases.py", layer, ROOT, tmp_path),
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr[-2000:]
    answer = json.loads((tmp_path / "came.json").read_text())
    assert answer["version"].startswith(f"{version}.")
    for (name, case), came in zip(table.items(), answer["cases"], strict=True):
        expect, error = case["expect"], came["error"]
        try:
            outcome = Outcome(came["called"], came["returned"], tuple(error) if error else None)
            assert_came(outcome, expect)
            assert_asked([tuple(request) for request in came["requests"]], expect)
            assert_logged(came["output"], expect)
        except AssertionError as failure:
            failure.add_note(f"in the case {name}")
            raise
