"""Commands about an account's functions: what there is, and how it is governed."""

import click

from governor.cli.fleet_attach import attach, detach
from governor.cli.fleet_discover import discover
from governor.cli.fleet_doctor import doctor
from governor.cli.fleet_sync import sync


@click.group(commands=[attach, detach, discover, doctor, sync])
def fleet() -> None:
    """See what an account has, and govern it. Access to AWS is boto3's own."""
