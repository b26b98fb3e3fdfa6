"""What the wheel brings that the repository does not have: the dashboard's chart library."""

import io
import json
import os
import shutil
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PLACE = Path("governor", "service", "static", "uplot")
FILES = {"LICENSE", "package.json", "uplot.css", "uplot.js"}
MOST_BYTES = 1_000_000

NEEDED = ("pyproject.toml", "hatch_build.py", "README.md", "LICENSE", "governor/__init__.py")


def built(root: Path, output: Path, path: str = "") -> subprocess.CompletedProcess[str]:
    """Build the wheel of `root` into `output`, with the programs in `path` alone."""
    return subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(output)],
        cwd=root,
        env={**os.environ, "PATH": path},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture
def fresh(tmp_path: Path) -> Path:
    """A checkout, as far as a build reads it, that was not built yet."""
    root = tmp_path / "checkout"
    for name in NEEDED:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, root / name)
    (root / PLACE.parent).mkdir(parents=True)
    (root / "lambda_layer").mkdir()
    return root


@pytest.fixture
def npm(tmp_path: Path) -> Path:
    """A program in the place of npm, for the test to write."""
    program = tmp_path / "bin" / "npm"
    program.parent.mkdir()
    program.touch()
    program.chmod(0o755)
    return program


def test_the_wheel_has_the_library_with_its_licence_and_needs_no_npm(tmp_path: Path) -> None:
    ended = built(ROOT, tmp_path)
    assert ended.returncode == 0, ended.stderr
    (wheel,) = tmp_path.glob("*.whl")
    assert wheel.stat().st_size < MOST_BYTES
    with zipfile.ZipFile(wheel) as archive:
        files = {
            name.removeprefix(f"{PLACE}/"): archive.read(name)
            for name in archive.namelist()
            if name.startswith(f"{PLACE}/")
        }
    assert set(files) == FILES
    version = json.loads(files["package.json"])["version"]
    assert f"(v{version})".encode() in files["uplot.js"][:100]
    assert b"MIT License" in files["LICENSE"]


def test_git_has_no_copy() -> None:
    if not (ROOT / ".git").exists():
        pytest.skip("this is no git checkout")
    listed = subprocess.check_output(["git", "ls-files", PLACE, "**/uPlot*"], cwd=ROOT, text=True)  # noqa: S607
    assert listed == ""
    subprocess.run(["git", "check-ignore", "--quiet", PLACE / "uplot.js"], cwd=ROOT, check=True)  # noqa: S607


def test_a_first_build_without_npm_says_what_to_install(fresh: Path, tmp_path: Path) -> None:
    ended = built(fresh, tmp_path / "dist")
    assert ended.returncode == 1
    assert "no npm on PATH: install Node.js" in ended.stderr
    assert "Traceback" not in ended.stderr


def test_an_npm_that_fails_is_quoted(fresh: Path, tmp_path: Path, npm: Path) -> None:
    npm.write_text("#!/bin/sh\necho no such host >&2; exit 7\n")
    ended = built(fresh, tmp_path / "dist", str(npm.parent))
    assert ended.returncode == 1
    assert "ended with status 7:\nno such host\nSee that npm reaches its registry" in ended.stderr
    assert "Traceback" not in ended.stderr
    assert [*(fresh / PLACE.parent).iterdir()] == []


def test_another_archive_is_not_taken(fresh: Path, tmp_path: Path, npm: Path) -> None:
    forged = tmp_path / "forged.tgz"
    with tarfile.open(forged, "w:gz") as archive:
        for name in ("dist/uPlot.iife.min.js", "dist/uPlot.min.css", "LICENSE", "package.json"):
            archive.addfile(tarfile.TarInfo(f"package/{name}"), io.BytesIO())
    # npm pack uplot@VERSION --pack-destination FOLDER
    npm.write_text(f'#!/bin/sh\n/bin/cp {forged} "$4/uplot-${{2#uplot@}}.tgz"\n')
    ended = built(fresh, tmp_path / "dist", str(npm.parent))
    assert ended.returncode == 1
    assert "is not the archive that hatch_build.py names: its digest is sha512-" in ended.stderr
    assert [*(fresh / PLACE.parent).iterdir()] == []
