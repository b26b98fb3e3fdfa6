"""The options that several commands have. Each `option` is also read from `GOVERNOR_<OPTION>`."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from governor.errors import InvalidInputError, SettingsError

if TYPE_CHECKING:
    from governor.policy import Policy

F = TypeVar("F", bound=Callable[..., Any])

DONE, FINDING, WRONG_USE = 0, 1, 2
"""Exit statuses."""


def option(name: str, *names: str, **settings: Any) -> Callable[[F], F]:
    """Return an option that is also read from the environment; `names` as for `click.option`."""
    variable = "GOVERNOR_" + name.lstrip("-").upper().replace("-", "_")
    return click.option(name, *names, envvar=variable, show_envvar=True, **settings)


class Plain(click.ParamType[str]):
    """What the layer takes as well: its variable is also the option's."""

    def __init__(self, name: str, variable: str) -> None:
        """Show the type as `name`, and take what `variable` may be."""
        self.name = name
        self._variable = variable

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Return it as it is. A complaint does not repeat it: there may be a secret in it."""
        from governor.client import anonymous  # noqa: PLC0415 - see `governor.cli`
        from governor.layer.variables import complaint  # noqa: PLC0415

        if wrong := complaint(self._variable, anonymous(value)):
            self.fail(wrong, param, ctx)
        return str(value)


URL, TOKEN = Plain("url", "GOVERNOR_URL"), Plain("text", "GOVERNOR_TOKEN")


def api_options(command: F) -> F:
    """Add the options of commands that talk to a running governor."""
    command = option("--token", type=TOKEN, help="Bearer token, if the governor wants one.")(
        command
    )
    return option(
        "--url",
        type=URL,
        default="http://127.0.0.1:8642",
        show_default=True,
        help="The governor's address.",
    )(command)


pool_option = option(
    "--pool", default="default", show_default=True, help="Name of the pool in the store."
)

json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON.")


def read_policy(file: Path) -> "Policy":
    """Read a policy file, YAML or JSON. Raises `InvalidInputError` and `SettingsError`."""
    from governor.policy import parse_file  # noqa: PLC0415 - see `governor.cli`

    try:
        return parse_file(file, file.read_bytes())
    except OSError as error:
        raise SettingsError(f"{file}: can't be read: {error.strerror}") from error
    except InvalidInputError as error:
        raise InvalidInputError(f"{file}", f"{error}") from error
