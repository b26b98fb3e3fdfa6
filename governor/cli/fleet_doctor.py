"""The command that says what is wrong with an account and a policy."""

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from governor.cli.fleet_options import calls_option, reading, refresh_option, selection_options
from governor.cli.options import DONE, FINDING, TOKEN, URL, json_option, option, read_policy

if TYPE_CHECKING:
    from governor.fleet.doctor.examined import Examined, Governor
    from governor.fleet.selection import Selection


@click.command()
@selection_options
@option(
    "--policy",
    "file",
    type=click.Path(path_type=Path, dir_okay=False, exists=True),
    metavar="FILE",
    help="The policy to go by, YAML or JSON; else the one of the governor at --url.",
)
@option("--url", type=URL, help="The address of a running governor, which is examined, too.")
@option("--token", type=TOKEN, help="Its token, of the role reader or admin, if it wants one.")
@refresh_option
@calls_option
@json_option
def doctor(  # noqa: PLR0913 - a command's options
    *,
    selection: "Selection",
    file: Path | None,
    url: str | None,
    token: str | None,
    refresh: bool,
    calls_per_s: float,
    as_json: bool,
) -> int:
    """Check an account and a policy; explain what is wrong, and how to put it right.

    NAME is a function's name or a pattern; without any, all functions are checked. Changes nothing.

    Exit status 0: nothing but hints. 1: errors or warnings, or something could not be read.
    """
    from governor.fleet.aws.discover import discover  # noqa: PLC0415 - see `governor.cli`
    from governor.fleet.aws.examine import examine  # noqa: PLC0415
    from governor.fleet.doctor.examination import findings  # noqa: PLC0415
    from governor.fleet.doctor.finding import Severity  # noqa: PLC0415
    from governor.fleet.doctor.report import plain, text  # noqa: PLC0415
    from governor.fleet.tables import print_missing  # noqa: PLC0415
    from governor.printing import print_json  # noqa: PLC0415

    policy = None if file is None else read_policy(file)
    with reading(calls_per_s) as (clients, calls, watch):
        discovery = discover(clients, calls, selection, refresh=refresh, watch=watch)
        examined = examine(clients, calls, discovery, watch)
    governor = None if url is None else _asked(examined, url, token)
    if policy is None and governor is not None:
        policy = governor.policy
    examined = replace(examined, policy=policy, governor=governor)
    found = findings(examined)
    if as_json:
        print_json(plain(examined, found))
    else:
        for line in text(examined, found):
            click.echo(line)
    print_missing(examined.missing)
    bad = any(each.severity is not Severity.HINT for each in found)
    return FINDING if bad or examined.missing else DONE


def _asked(examined: "Examined", url: str, token: str | None) -> "Governor":
    import asyncio  # noqa: PLC0415 - see `governor.cli`

    from governor.fleet.asking import asked  # noqa: PLC0415

    return asyncio.run(asked(examined, url, token))
