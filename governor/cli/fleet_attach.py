"""The commands that put the governor before functions' handlers, and take it away again."""

import time
from collections.abc import Callable, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any

import click

from governor.cli.fleet_options import reading, selection_options
from governor.cli.options import DONE, FINDING, json_option, option

if TYPE_CHECKING:
    from governor.fleet.aws.configuring import Configuring
    from governor.fleet.rollout import Deciding, Pace
    from governor.fleet.selection import Selection


class Percent(click.ParamType[float]):
    """A part of a whole, written as a percentage."""

    name = "PERCENT"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:
        """Return the part, above 0 and at most 1."""
        if isinstance(value, float):
            return value
        number = value.removesuffix("%")
        try:
            part = float(number) / 100
        except ValueError:
            part = 0.0
        if not 0 < part <= 1:
            self.fail(f"{value!r} is no part of all; expected 5%, say", param, ctx)
        return part


class Variable(click.ParamType[tuple[str, str]]):
    """A variable of the layer's and its value."""

    name = "NAME=VALUE"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[str, str]:
        """Return both."""
        if isinstance(value, tuple):
            return value
        from governor.layer.variables import complaint  # noqa: PLC0415 - see `governor.cli`

        name, equals, word = value.partition("=")
        if not (equals and name.startswith("GOVERNOR_")):
            self.fail(f"{value!r} is no variable of the layer; expected GOVERNOR_…=…", param, ctx)
        if wrong := complaint(name, word):
            self.fail(f"{name}: {wrong}", param, ctx)
        return name, word


@click.command()
@selection_options
@option("--url", help="The governor's address, as functions reach it.")
@option("--token-secret", metavar="ARN", help="The secret that has the layer's token.")
@click.option(
    "--set",
    "more",
    type=Variable(),
    multiple=True,
    help="Another variable of the layer. May be repeated.",
)
@option(
    "--layer",
    default="governor",
    show_default=True,
    help="The layer's name, for its newest version, or the ARN of a version.",
)
@click.option(
    "--canary",
    type=Percent(),
    default="5%",
    show_default=True,
    help="Size of the first wave; each next one is five times as large as all before it.",
)
@click.option(
    "--watch",
    "watch_s",
    type=click.FloatRange(0, 86_400),
    default=300,
    show_default=True,
    help="Seconds to look at errors and durations after each wave; 0: don't.",
)
@click.option("--dry-run", is_flag=True, help="Show every change; make none.")
@json_option
def attach(  # noqa: PLR0913 - a command's options
    *,
    selection: "Selection",
    url: str | None,
    token_secret: str | None,
    more: tuple[tuple[str, str], ...],
    layer: str,
    canary: float,
    watch_s: float,
    dry_run: bool,
    as_json: bool,
) -> int:
    """Put the governor before the handlers of functions; what they had is remembered in a tag.

    NAME is a function's name or a pattern; '*' means all. It goes in waves, and puts a wave back
    whose functions fail more often or take longer than before. Run it again to go on after an
    interruption, or to give functions another version of the layer or other variables; those that
    were attached earlier and are not named now stay as they are. Exit status 1: something was left
    as it was.
    """
    from governor.fleet.attachment import toward_attached  # noqa: PLC0415
    from governor.fleet.configuration import Wanted  # noqa: PLC0415
    from governor.fleet.rollout import Pace  # noqa: PLC0415 - see `governor.cli`

    variables = _variables(url, token_secret, more)

    def decider(edge: "Configuring") -> "Deciding":
        version = edge.version_of(layer)
        return lambda at_s: partial(toward_attached, wanted=Wanted(version, variables, at_s))

    return _roll_out(selection, decider, Pace(canary, watch_s), dry_run=dry_run, as_json=as_json)


@click.command()
@selection_options
@click.option("--dry-run", is_flag=True, help="Show every change; make none.")
@json_option
def detach(*, selection: "Selection", dry_run: bool, as_json: bool) -> int:
    """Take the governor away from functions again: each is as it was before `attach`.

    NAME is a function's name or a pattern; '*' means all. Exit status 1: something was left as it
    was, because it was attached by hand, say.
    """
    from governor.fleet.attachment import toward_detached  # noqa: PLC0415 - see `governor.cli`
    from governor.fleet.rollout import AT_ONCE_WITHOUT_A_LOOK  # noqa: PLC0415

    return _roll_out(
        selection,
        lambda _: lambda _: toward_detached,
        AT_ONCE_WITHOUT_A_LOOK,
        dry_run=dry_run,
        as_json=as_json,
    )


def _variables(
    url: str | None, token_secret: str | None, more: tuple[tuple[str, str], ...]
) -> Mapping[str, str]:
    from governor.layer.contents import URL_VARIABLE  # noqa: PLC0415 - see `governor.cli`
    from governor.layer.variables import (  # noqa: PLC0415
        SECRET_VARIABLE,
        address_of,
        complaint,
    )

    if url is None:
        raise click.UsageError("say --url, the governor's address as functions reach it")
    address = address_of(url)
    if address is None:
        raise click.UsageError(f"--url {url}: {complaint(URL_VARIABLE, url)}")
    if address.is_loopback:
        raise click.UsageError(f"--url {url}: functions can't reach a governor on this machine")
    if token_secret is None:
        return {URL_VARIABLE: url, **dict(more)}
    if wrong := complaint(SECRET_VARIABLE, token_secret):
        raise click.UsageError(f"--token-secret {token_secret}: {wrong}")
    return {URL_VARIABLE: url, SECRET_VARIABLE: token_secret, **dict(more)}


def _roll_out(
    selection: "Selection",
    decider: "Callable[[Configuring], Deciding]",
    pace: "Pace",
    *,
    dry_run: bool,
    as_json: bool,
) -> int:
    """Bring the selected functions to where the decider says, or show what that would take."""
    from governor.fleet import outcomes  # noqa: PLC0415 - see `governor.cli`
    from governor.fleet.aws.aliases import aliases  # noqa: PLC0415
    from governor.fleet.aws.configuring import Configuring  # noqa: PLC0415
    from governor.fleet.aws.listing import listed  # noqa: PLC0415
    from governor.fleet.aws.turn import Turn  # noqa: PLC0415
    from governor.fleet.aws.vitals import health  # noqa: PLC0415
    from governor.fleet.rollout import Rolling  # noqa: PLC0415
    from governor.fleet.stepping import looked_at  # noqa: PLC0415
    from governor.fleet.tables import print_missing  # noqa: PLC0415
    from governor.printing import print_json  # noqa: PLC0415

    if not selection:
        raise click.UsageError("name functions, or '*' for all of them")
    try:
        with reading() as (clients, calls, tell):
            fleet = listed(clients, calls, lambda count: tell("listing", count, None))
            functions = selection.of(fleet)
            edge = Configuring(clients, calls)
            deciding = decider(edge)
            if dry_run:
                decide = deciding(int(time.time()))
                answer = outcomes.planned([looked_at(f, decide, edge) for f in functions], decide)
            else:
                with Turn(clients, calls) as turn:
                    rolling = Rolling(edge, partial(health, clients, calls), turn, tell)
                    answer = outcomes.told(rolling.roll_out(functions, deciding, pace))
            names = outcomes.changed(answer)
            found, unread = aliases(
                clients, calls, names, lambda count: tell("asking for aliases", count, len(names))
            )
    except KeyboardInterrupt:
        click.echo("governor: interrupted; run it again to go on, `detach` to go back", err=True)
        raise
    print_missing((*fleet.missing, *unread))
    outcomes.add_aliases(answer, found)
    if as_json:
        print_json(answer)
    else:
        (outcomes.print_planned if dry_run else outcomes.print_told)(answer, fleet.place)
    return DONE if outcomes.is_complete(answer) else FINDING
