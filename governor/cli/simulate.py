"""The command that simulates: what each policy would do with a scenario's traffic."""

import os
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import click

from governor.cli.options import json_option

if TYPE_CHECKING:
    from governor.simulate.comparison import Comparison
    from governor.simulate.scenario import PolicyName, Scenario

POLICIES: "tuple[PolicyName, ...]" = ("none", "reserved", "sqs-max", "governor", "oracle")


@click.command()
@click.argument("scenario")
@click.option("--seeds", type=click.IntRange(1, 1000), help="Runs of each policy; else its own.")
@click.option(
    "--policy",
    "policies",
    type=click.Choice(POLICIES),
    multiple=True,
    help="Compare only these; may be given several times.",
)
@json_option
@click.option(
    "--html",
    type=click.Path(path_type=Path, dir_okay=False, writable=True),
    help="Write a report with plots to this file.",
)
def simulate(
    scenario: str,
    seeds: int | None,
    policies: "tuple[PolicyName, ...]",
    html: Path | None,
    *,
    as_json: bool,
) -> None:
    """Simulate SCENARIO, a TOML file or one of those that come along, under several policies.

    All policies get the same arrivals. Those that come along: knock, database, spike, etl,
    noisy-neighbours.
    """
    _check_installed("numpy", *(("matplotlib",) if html else ()))
    from governor.printing import print_json  # noqa: PLC0415 - see `governor.cli`
    from governor.simulate.reading import read  # noqa: PLC0415
    from governor.simulate.tables import print_comparison  # noqa: PLC0415

    given = read(scenario)
    if html is not None and not os.access(html.absolute().parent, os.W_OK):
        raise click.FileError(f"{html}", "its directory is not there, or not writable")
    compared = _compared(given, policies or POLICIES, seeds or given.head.seeds)
    if html is not None:
        from governor.simulate.html import page  # noqa: PLC0415 - see `governor.cli`

        try:
            html.write_text(page(compared), encoding="utf-8")
        except OSError as error:
            raise click.FileError(str(html), error.strerror) from error
    if as_json:
        print_json(compared.document())
    else:
        print_comparison(compared)


def _compared(scenario: "Scenario", policies: "tuple[PolicyName, ...]", seeds: int) -> "Comparison":
    """Run it all, with a bar that shows how far that is."""
    from rich.console import Console  # noqa: PLC0415 - see `governor.cli`
    from rich.markup import escape  # noqa: PLC0415
    from rich.progress import Progress  # noqa: PLC0415

    from governor.simulate.comparison import compare  # noqa: PLC0415

    length_s = scenario.head.length_s
    console = Console(stderr=True)
    with Progress(console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task(escape(scenario.name), total=len(policies) * seeds * length_s)

        def progress(policy: "PolicyName", seed: int, at_s: float) -> None:
            runs = policies.index(policy) * seeds + seed - 1
            bar.update(task, completed=runs * length_s + at_s, description=f"{policy}, seed {seed}")

        return compare(scenario, policies, seeds, progress)


def _check_installed(*packages: str) -> None:
    missing = [package for package in packages if find_spec(package) is None]
    if missing:
        raise click.ClickException(
            f"{' and '.join(missing)} not installed: "
            "install the governor with its extra `simulate`, as in pip install '.[simulate]'"
        )
