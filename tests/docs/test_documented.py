"""What a user can set, call or read stands in README.md; what a maintainer needs, in the other.

A new option, variable, call, metric, command, setting, module or dependency fails here until it is
documented.
"""

import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
from msgspec.structs import fields

from governor.cli import governor
from governor.fleet.doctor.finding import Check
from governor.policy import Account, Controller, Defaults, Function, Group, Members, Raise
from governor.service.routes import ROUTES

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
ARCHITECTURE = (ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8")


def commands(
    command: click.Command, path: tuple[str, ...]
) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    """Yield every command below `command` with the words that call it."""
    if isinstance(command, click.Group):
        for name, each in command.commands.items():
            yield from commands(each, (*path, name))
    else:
        yield path, command


COMMANDS = dict(commands(governor, ("governor",)))
SERVE = COMMANDS["governor", "serve"]
VARIABLES = sorted(
    {
        variable
        for file in (ROOT / "lambda_layer").rglob("*")
        if file.is_file() and file.suffix in {"", ".py", ".js"}
        for variable in re.findall(r"\bGOVERNOR_[A-Z_]+[A-Z]\b", file.read_text(encoding="utf-8"))
    }
)
METRICS = sorted(
    {
        metric
        for file in (ROOT / "governor/service").glob("*metrics.py")
        for metric in re.findall(r'"(governor_[a-z_]+)"', file.read_text(encoding="utf-8"))
    }
)
MODULES = sorted(
    {
        file.name
        for file in (ROOT / "governor").glob("**/*.py")
        if not file.name.startswith("__") and "demo" not in file.parts
    }
)
DEPENDENCIES = [
    re.split(r"[>=]", each)[0]
    for each in tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"][
        "dependencies"
    ]
]


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_a_command_is_in_the_readme(words: tuple[str, ...]) -> None:
    assert " ".join(words) in README


@pytest.mark.parametrize("option", [each.opts[0] for each in SERVE.params])
def test_an_option_of_the_service_is_in_the_readme(option: str) -> None:
    variable = "GOVERNOR_" + option.removeprefix("--").upper().replace("-", "_")
    assert f"| `{option}` | `{variable}` |" in README


@pytest.mark.parametrize("variable", VARIABLES)
def test_a_variable_of_the_layer_is_in_the_readme(variable: str) -> None:
    assert f"| `{variable}` |" in README


@pytest.mark.parametrize(
    ("method", "path"), [(route.method, route.path) for route in ROUTES], ids=str
)
def test_a_call_is_in_the_readme(method: str, path: str) -> None:
    spans = re.findall(r"`((?:[A-Z]+ )+)(/[^ `]*)`", README)
    documented = {(each, where) for methods, where in spans for each in methods.split()}
    assert (method, path) in documented


@pytest.mark.parametrize("metric", METRICS)
def test_a_metric_is_in_the_readme(metric: str) -> None:
    assert f"| `{metric}` |" in README


@pytest.mark.parametrize(
    "setting",
    sorted(
        {
            each.encode_name
            for shape in (Account, Raise, Group, Function, Defaults, Controller, Members)
            for each in fields(shape)
        }
    ),
)
def test_a_setting_of_the_policy_is_in_the_readme(setting: str) -> None:
    assert f"`{setting}`" in README


@pytest.mark.parametrize("check", Check)
def test_a_check_of_the_doctor_is_in_the_readme(check: Check) -> None:
    checks = README.partition("| Check | Found when |")[2].partition("\n\n")[0]
    assert f"`{check}`" in checks


@pytest.mark.parametrize("module", MODULES)
def test_a_module_is_in_the_architecture(module: str) -> None:
    assert module in ARCHITECTURE


@pytest.mark.parametrize("dependency", DEPENDENCIES)
def test_a_dependency_earns_its_place(dependency: str) -> None:
    packages = re.findall(r"^\| ([^|]+) \|", ARCHITECTURE, re.MULTILINE)
    assert any(dependency in re.split(r",? ", each) for each in packages)


def test_the_regular_expressions_above_find_something() -> None:
    assert len(COMMANDS) >= 10
    assert len(VARIABLES) >= 6
    assert len(METRICS) >= 9
    assert len(ROUTES) >= 24
