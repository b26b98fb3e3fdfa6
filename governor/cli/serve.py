"""The command that runs the service."""

import logging
import os
from hashlib import sha256
from pathlib import Path
from typing import Any

import click

from governor.cli.options import option, pool_option
from governor.errors import InvalidInputError, SettingsError
from governor.settings import EMBEDDED, PolicyFile, ServeSettings, parse_address
from governor.tokens import read_tokens


def data_dir() -> Path:
    """Return where the embedded store keeps its data unless told otherwise (XDG)."""
    state = os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state"
    return Path(state) / "governor"


def read_policy_file(path: Path) -> PolicyFile:
    """Read the policy file at `path`. Raises `SettingsError`."""
    from governor.policy import parse_file  # noqa: PLC0415 - see `governor.cli`

    try:
        text = path.read_bytes()
        return PolicyFile(parse_file(path, text), sha256(text).hexdigest())
    except (OSError, InvalidInputError) as error:
        raise SettingsError(f"--policy {path}: {error}") from error


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
def serve(listen: str, pool: str, policy: Path | None, tokens: Path | None, **rest: Any) -> None:
    """Run the service."""
    from governor.service.supervisor import serve as run  # noqa: PLC0415 - see `governor.cli`

    logging.basicConfig(format="%(asctime)s %(levelname)s %(message)s", level=logging.INFO)
    run(
        ServeSettings(
            listen=parse_address(listen),
            pool=pool,
            policy=None if policy is None else read_policy_file(policy),
            tokens=() if tokens is None else read_tokens(tokens),
            **rest,
        )
    )
