"""Commands about the controller: run one, see what it would do, pause it, undo what it did."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import TYPE_CHECKING, Any

import click

from governor.cli.calls import call, print_answer
from governor.cli.options import DONE, FINDING, F, api_options, json_option, option, pool_option
from governor.settings import CALLS_PER_S, ControllerSettings

if TYPE_CHECKING:
    from msgspec import Struct

    from governor.controller.survey import Account
    from governor.ledger.client import LedgerClient


@click.group()
def controller() -> None:
    """Hold background work back at its queues, before it takes a slot."""


def store_options(command: F) -> F:
    """Add the options of commands that work on a pool's store, not through its service."""
    return option(
        "--store", required=True, help="The service's store: redis://, unix://, redis+cluster://, …"
    )(pool_option(command))


@controller.command()
@store_options
@option(
    "--interval",
    "interval_s",
    type=click.FloatRange(1, 600),
    default=10,
    show_default=True,
    help="Seconds from one cycle to the next while nothing is urgent.",
)
@option(
    "--calls-per-s",
    type=click.FloatRange(0.5, 15),
    default=CALLS_PER_S,
    show_default=True,
    help="Its share of the 15 control-plane calls per second that Lambda allows an account.",
)
@click.option("--dry-run", is_flag=True, help="Plan and tell; change nothing.")
def run(**settings: Any) -> None:
    """Run a controller; of several over one pool one leads, the others stand by."""
    from governor.controller.process import run as run_  # noqa: PLC0415 - see `governor.cli`

    run_(ControllerSettings(**settings))


@controller.command()
@store_options
@json_option
def plan(*, store: str, pool: str, as_json: bool) -> int:
    """Show what a controller would do now, and what not, and why. Changes nothing.

    Exit status 1: too little could be read for a plan.
    """
    from governor.controller.preview import preview  # noqa: PLC0415 - see `governor.cli`
    from governor.printing import print_json, print_plan  # noqa: PLC0415

    answer = _with_aws(store, pool, preview)
    (print_json if as_json else print_plan)(answer)
    return FINDING if answer["budget"] is None else DONE


@controller.command()
@api_options
@json_option
def pause(url: str, token: str | None, *, as_json: bool) -> None:
    """Have the controller change nothing until it is resumed; what it has set stays set."""
    _tell(url, token, "/v1/controller/pause", as_json=as_json)


@controller.command()
@api_options
@json_option
def resume(url: str, token: str | None, *, as_json: bool) -> None:
    """Have the controller go on."""
    _tell(url, token, "/v1/controller/resume", as_json=as_json)


@controller.command()
@store_options
@json_option
def restore(*, store: str, pool: str, as_json: bool) -> int:
    """Put everything in AWS back as it was before the controller's first change, and pause it.

    What it was stands in tags, so this needs nothing that the store may have lost. Exit status 1:
    something was left because someone else has changed it.
    """
    from governor.controller.restore import restore as restore_  # noqa: PLC0415 - see `governor.cli`
    from governor.printing import print_json, print_restored  # noqa: PLC0415

    answer = _with_aws(store, pool, restore_)
    (print_json if as_json else print_restored)(answer)
    return FINDING if answer["left"] else DONE


def _with_aws(
    store: str, pool: str, do: "Callable[[LedgerClient, Account], Coroutine[Any, Any, Struct]]"
) -> Any:
    """Do something with a pool and the AWS account; return the answer as plain data."""
    from msgspec import to_builtins  # noqa: PLC0415 - see `governor.cli`

    from governor.controller.aws.account import AwsAccount  # noqa: PLC0415
    from governor.ledger.client import LedgerClient  # noqa: PLC0415

    settings = ControllerSettings(store, pool)

    async def done() -> "Struct":
        account = AwsAccount()
        ledger = LedgerClient(settings.store, settings.pool)
        try:
            return await do(ledger, account)
        finally:
            account.close()
            await ledger.close()

    return to_builtins(asyncio.run(done()))


def _tell(url: str, token: str | None, path: str, *, as_json: bool) -> None:
    """Call what pauses or resumes, and tell what holds then."""
    from governor.service.bodies.status import PausedAnswer  # noqa: PLC0415 - see `governor.cli`

    answer = call(url, token, "POST", path, shape=PausedAnswer)
    if as_json:
        print_answer(answer)
    else:
        click.echo(f"The controller is {'paused' if answer['paused'] else 'not paused'}.")
