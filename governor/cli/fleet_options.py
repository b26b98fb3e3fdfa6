"""The options of commands that work on functions of an account: which ones, how they are read."""

from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from functools import wraps
from typing import TYPE_CHECKING, Any, Final

import click

from governor.cli.options import option
from governor.errors import SettingsError

if TYPE_CHECKING:
    from governor.fleet.aws.clients import Clients
    from governor.fleet.aws.discover import Watch
    from governor.fleet.aws.pace import PacedCalls


class Tag(click.ParamType[tuple[str, str]]):
    """A tag's key and value."""

    name = "KEY=VALUE"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[str, str]:
        """Return both."""
        if isinstance(value, tuple):
            return value
        key, equals, word = value.partition("=")
        if not (key and equals):
            self.fail(f"{value!r} is no tag; expected KEY=VALUE", param, ctx)
        return key, word


def selection_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give `command` a `selection`: the functions that are named, of a tag or a stack."""

    @wraps(command)
    def selecting(
        *,
        names: tuple[str, ...],
        tags: tuple[tuple[str, str], ...],
        stacks: tuple[str, ...],
        **rest: Any,
    ) -> Any:
        from governor.fleet.selection import Selection  # noqa: PLC0415 - see `governor.cli`

        return command(selection=Selection(names, tags, stacks), **rest)

    named = click.argument("names", metavar="[NAME]...", nargs=-1)
    tagged = click.option(
        "--tag", "tags", type=Tag(), multiple=True, help="Functions with this tag. May be repeated."
    )
    stacked = click.option(
        "--stack",
        "stacks",
        metavar="NAME",
        multiple=True,
        help="Functions of this CloudFormation stack. May be repeated.",
    )
    return named(tagged(stacked(selecting)))


refresh_option = click.option(
    "--refresh", is_flag=True, help="Ask AWS anew for what was read within a day."
)

CALLS_PER_S: Final = 10

calls_option = option(
    "--calls-per-s",
    type=click.FloatRange(0.5, 15),
    default=CALLS_PER_S,
    show_default=True,
    help="Its share of the 15 control-plane calls per second that Lambda allows an account.",
)


@contextmanager
def reading(calls_per_s: float = CALLS_PER_S) -> "Iterator[tuple[Clients, PacedCalls, Watch]]":
    """Have what an account is read with, and show how far that is.

    Raises `SettingsError` for what can't be called within: without it, the functions' list first of
    all, nothing can be done or said.
    """
    from governor.aws.errors import CallError  # noqa: PLC0415 - see `governor.cli`
    from governor.fleet.aws.clients import connected  # noqa: PLC0415
    from governor.fleet.aws.pace import PacedCalls  # noqa: PLC0415
    from governor.fleet.tables import progress  # noqa: PLC0415

    with closing(connected()) as clients, progress() as watch:
        try:
            yield clients, PacedCalls(calls_per_s), watch
        except CallError as error:
            raise SettingsError(f"{error}; the Region is {clients.region}") from error
