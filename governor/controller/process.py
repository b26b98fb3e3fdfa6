"""The controller as a process: beside the service's workers, or alone."""

import asyncio
import logging
import signal
import sys

from governor.controller.aws.account import AwsAccount
from governor.controller.loop import control
from governor.controller.pace import Pace
from governor.errors import SettingsError
from governor.ledger.client import LedgerClient
from governor.settings import READY, WRONG_SETTINGS, ControllerSettings


async def work(settings: ControllerSettings, account: AwsAccount) -> None:
    """Govern `account` whenever this process leads, until SIGTERM or SIGINT.

    Raises `SettingsError`.
    """
    stopping = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stopping.set)
    ledger = LedgerClient(settings.store, settings.pool)
    try:
        await control(
            ledger, account, stopping, Pace(every_s=settings.interval_s), dry_run=settings.dry_run
        )
    finally:
        await ledger.close()
        account.close()


def run(settings: ControllerSettings) -> None:
    """Run a controller in this process. Raises `SettingsError`."""
    logging.basicConfig(format="%(asctime)s %(levelname)s %(message)s", level=logging.INFO)
    asyncio.run(work(settings, AwsAccount(lambda_per_s=settings.calls_per_s)))


def main() -> None:
    """Run the controller of a supervisor, which writes the settings to standard input."""
    logging.basicConfig(format="%(asctime)s %(levelname)s %(message)s", level=logging.INFO)
    settings = ControllerSettings.unpack(sys.stdin.buffer.readline())
    try:
        account = AwsAccount(lambda_per_s=settings.calls_per_s)
    except SettingsError as error:
        print(f"governor: {error}", file=sys.stderr)  # noqa: T201 - the user's terminal
        sys.exit(WRONG_SETTINGS)
    sys.stdout.buffer.write(READY)  # for a leader, nobody waits: the service can do without
    sys.stdout.buffer.flush()
    asyncio.run(work(settings, account))


if __name__ == "__main__":
    main()
