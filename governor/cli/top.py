"""The command that watches a governor in the terminal."""

import click

from governor.cli.options import api_options


@click.command()
@api_options
def top(url: str, token: str | None) -> int:
    """Watch every scope as it changes, those under most pressure first."""
    from governor.top.app import Top  # noqa: PLC0415 - see `governor.cli`

    app = Top(url, token)
    app.run()
    return app.return_code or 0
