"""The command that runs the service."""

import logging
import os
from pathlib import Path
from typing import Any

import click

from governor.cli.options import option, pool_option
from governor.settings import EMBEDDED, ServeSettings, parse_address


def data_dir() -> Path:
    """Return where the embedded store keeps its data unless told otherwise (XDG)."""
    state = os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state"
    return Path(state) / "governor"


@click.command()
@option("--listen", default="127.0.0.1:8642", show_default=True, help="Address and port.")
@option(
    "--store",
    default=EMBEDDED,
    show_default=True,
    help="embedded, or a URL: redis://, rediss://, unix://, redis+cluster://, redis+sentinel://.",
)
@option(
    "--data-dir",
    type=click.Path(path_type=Path, file_okay=False),
    default=data_dir,
    show_default="~/.local/state/governor",
    help="Where the embedded store keeps its data.",
)
@pool_option
@option(
    "--policy",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Policy to load (YAML or JSON); a file that was loaded before is not loaded again.",
)
@option(
    "--tokens",
    type=click.Path(path_type=Path, dir_okay=False),
    help="File of roles and SHA-256 digests of tokens.",
)
@option(
    "--workers",
    type=click.IntRange(1, 64),
    default=1,
    show_default=True,
    help="Processes that share the port.",
)
@option(
    "--controller",
    is_flag=True,
    help="Run a controller too: background work is held back at its queues (needs AWS access).",
)
def serve(listen: str, pool: str, **rest: Any) -> None:
    """Run the service."""
    from governor.service.supervisor import serve as run  # noqa: PLC0415 - see `governor.cli`

    logging.basicConfig(format="%(asctime)s %(levelname)s %(message)s", level=logging.INFO)
    run(ServeSettings(listen=parse_address(listen), pool=pool, **rest))
