"""The command that shows it all at work."""

import sys

import click

from governor.cli.options import FINDING, option


@click.command()
@option("--seconds", type=click.IntRange(3, 600), default=15, show_default=True, help="Of load.")
@option("--headless", is_flag=True, help="No moving picture: lines for a log.")
def demo(*, seconds: int, headless: bool) -> None:
    """Show it all at work on AWS's own runtime, on this machine only."""
    from rich.console import Console  # noqa: PLC0415 - see `governor.cli`

    from governor.demo.show import DemoSetupError, show  # noqa: PLC0415 - see `governor.cli`

    try:
        went_well = show(seconds, Console(highlight=False), headless=headless)
    except DemoSetupError as error:
        raise click.ClickException(str(error)) from error
    if not went_well:
        sys.exit(FINDING)
