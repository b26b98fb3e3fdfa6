"""The command line: parse, call, print.

What a command needs is imported when it runs, so that each starts fast and the service stays small.
"""

import errno
import os
import sys
from typing import Final, NoReturn

import click

from governor import __version__
from governor.cli.controller import controller
from governor.cli.demo import demo
from governor.cli.fleet import fleet
from governor.cli.layer import layer
from governor.cli.limits import apply, get, set_, status
from governor.cli.options import DONE, FINDING, WRONG_USE
from governor.cli.replay import recommend, record, replay
from governor.cli.serve import serve
from governor.cli.simulate import simulate
from governor.cli.top import top
from governor.errors import GovernorError, InvalidInputError, SettingsError


@click.group(
    context_settings={"help_option_names": ["-h", "--help"]},
    commands=[
        *(serve, status, top, apply, set_, get),
        *(simulate, record, replay, recommend),
        *(controller, fleet, layer, demo),
    ],
)
@click.version_option(__version__, prog_name="governor")
def governor() -> None:
    """Max Concurrency for AWS Lambda functions and groups, without reserving."""


_UNWRITABLE: Final = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO, errno.EPIPE})


def main() -> NoReturn:
    """Run a command; exit with 0 if done, 1 for a finding or a refusal, 2 for wrong use."""
    try:
        status = governor.main(standalone_mode=False)
        click.echo(nl=False)  # flushes; what can't be written is told while it can be
    except click.ClickException as error:
        error.show()
        sys.exit(WRONG_USE)
    except (SettingsError, InvalidInputError) as error:
        click.echo(f"governor: {error}", err=True)
        sys.exit(WRONG_USE)
    except GovernorError as error:
        click.echo(f"governor: {error}", err=True)
        sys.exit(FINDING)
    except (click.Abort, KeyboardInterrupt):
        sys.exit(130)
    except OSError as error:
        if error.errno not in _UNWRITABLE:
            raise
        _drop_output()
        if error.errno != errno.EPIPE:  # whoever closes a pipe knows
            click.echo(f"governor: the output can't be written: {error.strerror}", err=True)
        sys.exit(FINDING)
    sys.exit(status or DONE)


def _drop_output() -> None:
    """Have Python not try again, as it ends, to write what could not be written."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, sys.stdout.fileno())
    os.close(nowhere)
