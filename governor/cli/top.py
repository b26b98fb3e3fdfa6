"""The command that watches a governor in the terminal."""

import os

import click

from governor.cli.options import api_options
from governor.errors import SettingsError


@click.command()
@api_options
def top(url: str, token: str | None) -> int:
    """Watch every scope as it changes, those under most pressure first."""
    from governor.top.app import Top  # noqa: PLC0415 - see `governor.cli`

    if not (os.isatty(0) and os.isatty(1)):
        raise SettingsError("top needs a terminal; `governor status` shows the same once without")
    app = Top(url, token)
    app.run()
    return app.return_code or 0
