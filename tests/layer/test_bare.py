"""What the zip holds is what the sources say, without their comments and line for line."""

import ast
import shutil
import subprocess
from pathlib import Path

import pytest

from governor.layer.bare import bare, bare_javascript, bare_python
from tests.conftest import missing

LAYER = Path(__file__).parents[2] / "lambda_layer"
PYTHON = sorted(LAYER.glob("python/**/*.py"))
JAVASCRIPT = sorted(LAYER.glob("nodejs/node_modules/governor-layer/**/*.*js"))


def meaning(text: str) -> str:
    """The syntax tree with its line numbers, every string that is a statement being empty."""
    tree = ast.parse(text)
    for node in ast.walk(tree):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            node.value.value = ""
    for each in ast.walk(tree):
        # Where a statement ends changes, and in what column; where it begins must not.
        for attribute in ("end_lineno", "col_offset", "end_col_offset"):
            if hasattr(each, attribute):
                setattr(each, attribute, 0)
    return ast.dump(tree, include_attributes=True)


@pytest.mark.parametrize("file", PYTHON, ids=lambda file: file.name)
def test_python_means_the_same(file: Path) -> None:
    text = file.read_text()
    stripped = bare(file.name, text)
    assert meaning(stripped) == meaning(text)
    assert stripped.count("\n") == text.count("\n")
    assert '"""' not in stripped
    assert bare_python(stripped) == stripped


def test_python_keeps_what_only_looks_like_a_comment() -> None:
    text = '''\
"""Docstring
of two lines."""
x = "# no comment"  # a comment
y = """# no comment
"""
def f():
    # a comment
    "docstring"
    return (
        "no docstring"
    )
class E(Exception):
    """All that is in it."""
f"{x}# no comment"
'''
    assert (
        bare_python(text)
        == '''\
""

x = "# no comment"
y = """# no comment
"""
def f():

    ""
    return (
        "no docstring"
    )
class E(Exception):
    ""
f"{x}# no comment"
'''
    )


def test_javascript_loses_the_comments_that_begin_a_line() -> None:
    text = """\
/**
 * Says `what` it does.
 */
'use strict';
  // a comment
const url = 'https://governor'; // kept
/* one line */ const x = 2 /* kept */ / 1;
/** @type {any} */
const pattern = /[/]/; const z = '/*';
"""
    assert (
        bare_javascript(text)
        == """\



'use strict';

const url = 'https://governor'; // kept
 const x = 2 /* kept */ / 1;

const pattern = /[/]/; const z = '/*';
"""
    )


@pytest.mark.parametrize("file", JAVASCRIPT, ids=lambda file: file.name)
def test_javascript_can_be_stripped_without_a_parser(file: Path, tmp_path: Path) -> None:
    text = file.read_text()
    stripped = bare(file.name, text)
    assert stripped.count("\n") == text.count("\n")
    for number, line in enumerate(stripped.splitlines(), 1):
        assert line.count("`") % 2 == 0, f"line {number}: a template literal that spans lines?"
    node = shutil.which("node")
    if node is None:
        missing("node")
        return
    (tmp_path / file.name).write_text(stripped)
    subprocess.run([node, "--check", tmp_path / file.name], check=True)
