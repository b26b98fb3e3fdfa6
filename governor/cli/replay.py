"""Commands about recorded traffic: record it, try policies on it, propose one."""

import asyncio
import re
import signal
from contextlib import suppress
from pathlib import Path
from typing import Any

import click

from governor.cli.options import DONE, FINDING, api_options, json_option, read_policy

_UNITS_S = {"s": 1, "m": 60, "h": 3600, "d": 86_400}


class Duration(click.ParamType[float]):
    """A time such as 90s, 10m, 1h or 7d, in seconds."""

    name = "TIME"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:
        """Return the seconds."""
        if isinstance(value, float):
            return value
        found = re.fullmatch(r"([0-9]{1,9}(?:\.[0-9]{1,9})?)([smhd])", value)
        if found is None or not float(found[1]):
            self.fail(f"{value!r} is no time; expected one such as 90s, 10m, 1h or 7d", param, ctx)
        return float(found[1]) * _UNITS_S[found[2]]


record_argument = click.argument("record", type=click.Path(path_type=Path, exists=True))


@click.command()
@click.option(
    "--to",
    "folder",
    type=click.Path(path_type=Path, file_okay=False),
    required=True,
    help="Directory of the record; it is made if need be, and gone on with.",
)
@click.option(
    "--max-mb",
    type=click.IntRange(1, 1_000_000),
    default=100,
    show_default=True,
    help="What the directory may hold, in MB: the oldest goes first.",
)
@click.option(
    "--for", "for_s", type=Duration(), help="How long, such as 1h. Absent: until stopped."
)
@api_options
def record(url: str, token: str | None, folder: Path, max_mb: int, for_s: float | None) -> int:
    """Record a running governor's traffic, second by second, until Ctrl-C or SIGTERM."""
    from governor.client import Api  # noqa: PLC0415 - see `governor.cli`
    from governor.replay.following import Recorder  # noqa: PLC0415
    from governor.replay.shelf import Shelf  # noqa: PLC0415

    async def follow(shelf: Shelf) -> Recorder:
        async with Api(url, token) as api:
            recorder = Recorder(api, shelf, lambda text: click.echo(f"governor: {text}", err=True))
            following = asyncio.ensure_future(recorder.follow())
            for each in (signal.SIGINT, signal.SIGTERM):
                asyncio.get_running_loop().add_signal_handler(each, following.cancel)
            with suppress(asyncio.CancelledError, TimeoutError):
                await asyncio.wait_for(following, for_s)
            return recorder

    try:
        shelf = Shelf(folder, max_mb * 1_000_000)
        try:
            recorded = asyncio.run(follow(shelf)).recorded
        finally:
            shelf.close()
    except OSError as error:
        click.echo(f"governor: {folder} can't be written: {error}", err=True)
        return FINDING
    click.echo(f"{recorded.lines} looks recorded in {folder}, {recorded.gaps} gaps")
    return DONE


@click.command()
@record_argument
@click.option(
    "--policy",
    "policies",
    type=click.Path(path_type=Path, dir_okay=False, exists=True),
    multiple=True,
    help="A policy to try, YAML or JSON; may be repeated.",
)
@click.option("--enforce", is_flag=True, help="Take what is in shadow mode as enforced.")
@click.option(
    "--wait",
    "wait_s",
    type=Duration(),
    default=0.0,
    help="How long a denied invocation waits for its turn, such as 5s. Absent: not at all.",
)
@json_option
def replay(
    *, record: Path, policies: tuple[Path, ...], enforce: bool, wait_s: float, as_json: bool
) -> None:
    """Say what policies would have denied of the traffic in RECORD, beside the recorded one.

    RECORD is what `governor record` wrote, or CloudWatch's metrics as CSV.
    """
    from msgspec import to_builtins  # noqa: PLC0415 - see `governor.cli`

    from governor.model import Mode  # noqa: PLC0415
    from governor.printing import print_json  # noqa: PLC0415
    from governor.replay.sources import source  # noqa: PLC0415
    from governor.replay.tables import print_comparison, progress  # noqa: PLC0415
    from governor.replay.trial import Trial, in_mode  # noqa: PLC0415
    from governor.replay.verdicts import compare  # noqa: PLC0415

    wait_ms = round(wait_s * 1000)
    trials = [Trial("as recorded", None, wait_ms)]
    for path in policies:
        policy = read_policy(path)
        tried = in_mode(policy, Mode.ENFORCE) if enforce else policy
        trials.append(Trial(f"{path}", tried, wait_ms))
    found = source(record)
    with progress(found, "replaying") as watch:
        comparison = compare(found, trials, watch)
    if as_json:
        print_json(to_builtins(comparison))
    else:
        print_comparison(comparison)


@click.command()
@record_argument
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path, dir_okay=False, writable=True, allow_dash=True),
    help="Write the proposal as YAML to this file; - is standard output.",
)
@json_option
def recommend(*, record: Path, output: Path | None, as_json: bool) -> None:
    """Propose a policy for the traffic in RECORD, in shadow mode, and say why for each number."""
    from msgspec import to_builtins  # noqa: PLC0415 - see `governor.cli`

    from governor.printing import print_json  # noqa: PLC0415
    from governor.replay.advice import advise  # noqa: PLC0415
    from governor.replay.document import document  # noqa: PLC0415
    from governor.replay.sources import source  # noqa: PLC0415
    from governor.replay.tables import print_advice, progress, span, summary  # noqa: PLC0415

    found = source(record)
    with progress(found, "playing") as watch:
        advice = advise(found, watch)
    if output is not None:
        text = document(advice.proposal, f"Proposed from {span(advice.record)}.\n{summary(advice)}")
        if f"{output}" == "-":
            click.echo(text, nl=False)
            return
        try:
            output.write_text(text, encoding="utf-8")
        except OSError as error:
            raise click.FileError(f"{output}", error.strerror) from error
    if as_json:
        print_json(to_builtins(advice))
    else:
        print_advice(advice)
