"""The command that shows it all at work."""

from pathlib import Path

import click

from governor.cli.options import DONE, FINDING, option


@click.command()
# AWS adds pollers to a queue bit by bit: in less time a burst does not fill the pool.
@option("--seconds", type=click.IntRange(45, 600), default=75, show_default=True, help="Of load.")
@option("--headless", is_flag=True, help="No moving picture: lines for a log.")
@option("--keep", is_flag=True, help="Leave it running afterwards, to look at its dashboard.")
@option(
    "--report",
    type=click.Path(path_type=Path, dir_okay=False, writable=True),
    default="governor-demo.html",
    show_default=True,
    help="Where to write the report.",
)
def demo(*, seconds: int, headless: bool, keep: bool, report: Path) -> int:
    """Show it all at work on AWS's own runtime, on this machine only."""
    from governor.demo.script import script  # noqa: PLC0415 - see `governor.cli`
    from governor.demo.show import DemoSetupError, show  # noqa: PLC0415 - see `governor.cli`
    from governor.printing import console  # noqa: PLC0415 - see `governor.cli`

    out = console(highlight=False)
    try:
        went_well = show(script(seconds), out, report, headless=headless, keep=keep)
    except DemoSetupError as error:
        raise click.ClickException(str(error)) from error
    return DONE if went_well else FINDING
