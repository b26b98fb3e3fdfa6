"""A governor for hands-on use, and what to try with it."""

import os
import sys
import textwrap
from typing import Final

import click

from governor.demo.serving import NotServingError, serving

DATA_DIR: Final = ".governor"
TTL_MS: Final = 300_000

WRONG_USE: Final = 2

PYTHON: Final = min(sys.executable, os.path.relpath(sys.executable), key=len)


def suggestions(url: str) -> str:
    """What to try with the governor at `url`: lines for a shell, with a word on each."""

    def check_in(lease: str) -> str:
        return (
            f"curl -i {url}/v1/leases "
            f"""-d '{{"id": "{lease}", "function": "report-gen", "ttl_ms": {TTL_MS}}}'"""
        )

    return textwrap.dedent(f"""\
        The governor listens on {url}, and keeps its data until you delete it.
        Its dashboard is there too: open {url}/ in a browser.

        Let no more than two invocations of a function run at once:
          curl -X PUT {url}/v1/functions/report-gen -d '{{"max_concurrency": 2}}'

        Check in, as the layer does before each invocation. The third is denied, with a 429:
          {check_in("one")}
          {check_in("two")}
          {check_in("three")}

        Who runs? And how much of what is in use?
          curl {url}/v1/leases
          curl {url}/v1/status
          {PYTHON} -m governor status --url {url}

        Check out; then there is room again:
          curl -i -X DELETE {url}/v1/leases/one
          {check_in("three")}

        A group: both functions together may use four connections of a database.
          curl -X PUT {url}/v1/groups/orders-db -d '{{"max_concurrency": 4}}'
          curl -X PATCH {url}/v1/functions/report-gen -d '{{"groups": {{"orders-db": 2}}}}'
          curl -X PUT {url}/v1/functions/orders-api -d '{{"groups": ["orders-db"]}}'

        The whole policy, Prometheus's metrics, and the status once a second (Ctrl-C ends it):
          curl {url}/v1/policy -H 'Accept: application/yaml'
          curl {url}/metrics
          curl -N {url}/v1/stream

        Ctrl-C here stops the governor.
        """)


@click.command(
    context_settings={"help_option_names": ["-h", "--help"], "ignore_unknown_options": True},
    options_metavar="",
    epilog=f"The options are those of: {PYTHON} -m governor serve --help",
)
@click.argument("options", metavar="[OPTIONS]", nargs=-1, type=click.UNPROCESSED)
def main(options: tuple[str, ...]) -> None:
    """Run a governor until Ctrl-C, and say what to try with it."""
    try:
        with serving("--data-dir", DATA_DIR, *options) as governor:
            click.echo(suggestions(governor.url))
            sys.exit(governor.process.wait())
    except NotServingError as error:
        click.echo(f"governor: {error}", err=True)
        sys.exit(WRONG_USE)
    except KeyboardInterrupt:  # the way to stop it
        click.echo()


if __name__ == "__main__":
    main()
