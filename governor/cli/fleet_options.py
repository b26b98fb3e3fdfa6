"""The options of commands that work on functions of an account: which ones, how they are read."""

from collections.abc import Callable
from functools import wraps
from typing import Any

import click

from governor.cli.options import option


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

calls_option = option(
    "--calls-per-s",
    type=click.FloatRange(0.5, 15),
    default=10,
    show_default=True,
    help="Its share of the 15 control-plane calls per second that Lambda allows an account.",
)
