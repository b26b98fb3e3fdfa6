"""The command that shows what an account has."""

import os
from pathlib import Path
from typing import TYPE_CHECKING

import click

from governor.cli.fleet_options import calls_option, reading, refresh_option, selection_options
from governor.cli.options import DONE, FINDING, json_option
from governor.errors import SettingsError

if TYPE_CHECKING:
    from governor.fleet.discovery import Discovery
    from governor.fleet.selection import Selection


@click.command()
@selection_options
@click.option(
    "--write-policy",
    "policy",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="Write a first policy, all of it in shadow mode, as YAML to this file.",
)
@click.option("--overwrite", is_flag=True, help="Write it even if there is such a file.")
@refresh_option
@calls_option
@json_option
def discover(  # noqa: PLR0913 - a command's options
    *,
    selection: "Selection",
    policy: Path | None,
    overwrite: bool,
    refresh: bool,
    calls_per_s: float,
    as_json: bool,
) -> int:
    """Show an account's functions: who calls them, their peaks, what to make of them.

    NAME is a function's name or a pattern; without any, all functions are shown. Exit status 1:
    something could not be read.
    """
    from governor.fleet.aws.discover import discover as discovered  # noqa: PLC0415
    from governor.fleet.tables import plain, print_discovery, print_missing  # noqa: PLC0415
    from governor.printing import print_json  # noqa: PLC0415

    if policy is not None:
        _check(policy, overwrite=overwrite)
    with reading(calls_per_s) as (clients, calls, watch):
        found = discovered(clients, calls, selection, refresh=refresh, watch=watch)
    if as_json:
        print_json(plain(found))
        print_missing(found.missing)
    else:
        print_discovery(found)
    if policy is not None:
        _write(policy, found, overwrite=overwrite)
        click.echo(
            f"{policy} is a first policy; see `governor apply -f {policy} --dry-run`", err=True
        )
    return FINDING if found.missing else DONE


def _check(path: Path, *, overwrite: bool) -> None:
    """Refuse before the account is read rather than after."""
    try:
        if path.exists() and not overwrite:
            raise SettingsError(f"{path} exists: name another file, or say --overwrite")
    except OSError as error:
        raise SettingsError(f"{path} can't be written: {error.strerror}") from error
    if not (path.parent.is_dir() and os.access(path.parent, os.W_OK)):
        raise SettingsError(f"{path} can't be written: {path.parent} is no directory to write in")


def _write(path: Path, found: "Discovery", *, overwrite: bool) -> None:
    from governor.fleet.suggestion import head, suggest  # noqa: PLC0415 - see `governor.cli`
    from governor.replay.document import document  # noqa: PLC0415

    proposal = suggest(found)
    text = document(proposal, head(found, proposal.policy))
    try:
        with path.open("w" if overwrite else "x", encoding="utf-8") as file:
            file.write(text)
    except OSError as error:
        raise SettingsError(f"{path} can't be written: {error.strerror}") from error
