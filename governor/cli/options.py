"""The options that several commands have. Each `option` is also read from `GOVERNOR_<OPTION>`."""

from collections.abc import Callable
from typing import Any, TypeVar

import click

F = TypeVar("F", bound=Callable[..., Any])

DONE, FINDING, WRONG_USE = 0, 1, 2
"""Exit statuses."""


def option(name: str, *names: str, **settings: Any) -> Callable[[F], F]:
    """Return an option that is also read from the environment; `names` as for `click.option`."""
    variable = "GOVERNOR_" + name.lstrip("-").upper().replace("-", "_")
    return click.option(name, *names, envvar=variable, show_envvar=True, **settings)


def api_options(command: F) -> F:
    """Add the options of commands that talk to a running governor."""
    command = option("--token", help="Bearer token, if the governor wants one.")(command)
    return option(
        "--url", default="http://127.0.0.1:8642", show_default=True, help="The governor's address."
    )(command)


pool_option = option(
    "--pool", default="default", show_default=True, help="Name of the pool in the store."
)

json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON.")
