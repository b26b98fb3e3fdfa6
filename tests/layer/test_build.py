"""`governor layer build`: what is in the zip, and that it is the same wherever it is built."""

import hashlib
import json
import os
import shutil
import stat
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import TypeGuard

import pytest

from governor.layer.archive import LayerSourcesError, build, sources
from tests.governors import environment, run
from tests.layer.standin import StandIn
from tests.layer.unpacked import unpack

ROOT = Path(__file__).parents[2]
LAYER = ROOT / "lambda_layer"
NEWER = ("python3.12", "python3.13", "python3.14")


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """A copy of the layer's sources that a test may spoil."""
    return Path(shutil.copytree(LAYER, tmp_path / "layer", ignore=ignored))


def ignored(_folder: str, names: list[str]) -> set[str]:
    return {name for name in names if name == "__pycache__"}


def works(python: str | None) -> TypeGuard[str]:
    """Whether it is an interpreter: a version manager may have put up a sign instead."""
    return (
        python is not None
        and not subprocess.run([python, "-c", ""], capture_output=True, check=False).returncode
    )


def test_the_zip_holds_the_layer_and_nothing_else(tmp_path: Path) -> None:
    output = tmp_path / "governor-layer.zip"
    ended = run("layer", "build", "--output", str(output), "--json")
    assert (ended.returncode, ended.stderr) == (0, "")
    content = output.read_bytes()
    sha256 = hashlib.sha256(content).hexdigest()
    assert json.loads(ended.stdout) == {"path": str(output), "size": len(content), "sha256": sha256}
    assert len(content) <= 40_000
    with zipfile.ZipFile(output) as archive:
        assert archive.testzip() is None
        names = archive.namelist()
    files = [file.relative_to(LAYER) for file in LAYER.rglob("*") if file.is_file()]
    sources = {file.as_posix() for file in files if "__pycache__" not in file.parts}
    assert names == sorted(sources), "a file of the layer is left out, or one too many is in"
    assert "governor" in names
    assert "python/governor_layer/__init__.py" in names


def test_a_line_tells_path_size_and_sha256(tmp_path: Path) -> None:
    output = tmp_path / "layer.zip"
    printed = run("layer", "build", "--output", str(output)).stdout
    sha256 = hashlib.sha256(output.read_bytes()).hexdigest()
    assert printed == f"{output}: {output.stat().st_size:,} bytes, sha256 {sha256}\n"


def test_without_an_output_it_is_in_the_current_directory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    monkeypatch.chdir(tmp_path)
    assert run("layer", "build").returncode == 0
    assert zipfile.is_zipfile(tmp_path / "governor-layer.zip")


def test_the_same_sources_give_the_same_bytes(copy: Path) -> None:
    before = build(copy)
    for number, file in enumerate(sorted(copy.rglob("*"), reverse=True)):
        file.chmod(0o700)
        os.utime(file, (number, 10**9 + number))
    bytecode = copy / "python" / "governor_layer" / "__pycache__"
    bytecode.mkdir()
    (bytecode / "denial.cpython-311.pyc").write_bytes(b"bytecode")
    (copy / "python" / "governor_layer" / ".denial.py.swp").write_text("an editor's")
    tool = copy / "nodejs" / "node_modules" / "eslint"
    tool.mkdir(parents=True)
    (tool / "index.js").write_text("'a tool'")
    (copy / "nodejs" / "test.js").write_text("'a test'")
    assert build(copy) == before


def test_a_changed_source_gives_other_bytes(copy: Path) -> None:
    before = build(copy)
    with (copy / "python" / "governor_layer" / "denial.py").open("a") as file:
        file.write("changed = True\n")
    assert build(copy).sha256 != before.sha256


def test_the_node_package_goes_along(copy: Path, tmp_path: Path) -> None:
    package = copy / "nodejs" / "node_modules" / "governor-layer"
    (package / "lib").mkdir(parents=True, exist_ok=True)
    files = ("package.json", "extra.js", "extra.cjs", "lib/extra.mjs")
    for name in files:
        (package / name).write_text("({});\n" if name != "package.json" else "{}")
    (tmp_path / "zip").write_bytes(build(copy).content)
    names = zipfile.ZipFile(tmp_path / "zip").namelist()
    assert {f"nodejs/node_modules/governor-layer/{name}" for name in files} <= set(names)


def test_permissions_are_those_that_lambda_needs(tmp_path: Path) -> None:
    folder = unpack(build(LAYER).content, tmp_path)
    for file in folder.rglob("*.*"):
        assert stat.S_IMODE(file.stat().st_mode) == 0o644
    assert stat.S_IMODE((folder / "governor").stat().st_mode) == 0o755
    show = "import governor_layer; print(governor_layer.__file__)"
    found = subprocess.check_output(
        [folder / "governor", sys.executable, "-c", show], env={"_HANDLER": "app.handler"}
    )
    assert Path(found.decode().strip()).is_relative_to(folder)


def test_every_python_that_is_here_runs_it(standin: StandIn, tmp_path: Path) -> None:
    folder = unpack(build(LAYER).content, tmp_path)
    variables = {
        "PYTHONPATH": str(folder / "python"),
        "AWS_LAMBDA_FUNCTION_NAME": "etl-load",
        "GOVERNOR_URL": standin.url,
        "GOVERNOR_TIMEOUT_MS": "10000",
    }
    call = "from governor_layer import governed; print(governed(lambda *_: 'ran')({}, None))"
    pythons = [sys.executable, *filter(works, map(shutil.which, NEWER))]
    for number, python in enumerate(pythons, 1):
        command = [python, "-X", "dev", "-W", "error", "-c", call]
        assert subprocess.check_output(command, env=variables, text=True) == "ran\n", python
        assert len(standin.paths("POST")) == number


@pytest.mark.parametrize("missing", ["governor", "python"])
def test_a_folder_without_a_layer_is_told(copy: Path, missing: str) -> None:
    (copy / missing).rename(copy / "elsewhere")
    with pytest.raises(LayerSourcesError, match="holds no layer"):
        build(copy)


def test_an_output_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    ended = run("layer", "build", "--output", str(tmp_path / "nowhere" / "layer.zip"))
    assert (ended.returncode, ended.stdout) == (2, "")
    assert "nowhere/layer.zip" in ended.stderr
    assert "Traceback" not in ended.stderr


def test_an_installed_governor_builds_the_same_zip(tmp_path: Path) -> None:
    hatch = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)]
    subprocess.run(hatch, cwd=ROOT, check=True, capture_output=True)
    (wheel,) = tmp_path.glob("*.whl")
    site = tmp_path / "site-packages"
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(site)
    show = "import governor.layer.archive as a; print(a.sources(), a.build(a.sources()).sha256)"
    printed = subprocess.check_output(
        [sys.executable, "-c", show],
        env=environment(PYTHONPATH=str(site)),
        cwd=tmp_path,
        text=True,
    )
    assert printed.split() == [f"{site}/governor/layer/files", build(sources()).sha256]
