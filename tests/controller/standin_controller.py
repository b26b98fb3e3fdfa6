"""A controller as a process of its own, on an account whose every action leaves a line in a file.

Arguments: the store's URL, the pool, the file. The account takes no action for good, so each cycle
has one: a line is `<pid> <when, CLOCK_MONOTONIC>`.
"""

import asyncio
import os
import signal
import sys
import time

from governor.controller.actions import Action, Outcome, Result
from governor.controller.loop import control
from governor.ledger.client import LedgerClient
from tests.controller.account import MemoryAccount
from tests.controller.controllers import QUICK


async def main(url: str, pool: str, file: str) -> None:
    """Run until SIGTERM."""
    account = MemoryAccount()
    account.feed("load", 3000)
    descriptor = os.open(file, os.O_CREAT | os.O_APPEND | os.O_WRONLY)

    def write(_: Action) -> Outcome:
        os.write(descriptor, f"{os.getpid()} {time.monotonic()}\n".encode())
        return Outcome(Result.DEFERRED, "never")

    account.before_applying = write
    stopping = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stopping.set)
    ledger = LedgerClient(url, pool)
    await control(ledger, account, stopping, QUICK)
    await ledger.close()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
