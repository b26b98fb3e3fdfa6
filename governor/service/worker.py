"""One process of the service: from its settings on standard input to a clean stop on SIGTERM."""

import asyncio
import gc
import logging
import signal
import socket
import sys

import uvloop
from aiohttp import web
from aiohttp.http import HttpProcessingError

from governor.errors import SettingsError
from governor.ledger.chronicle_store import ChronicleStore
from governor.ledger.client import LedgerClient
from governor.ledger.controller_store import ControllerStore
from governor.ledger.policy_store import PolicyStore
from governor.service.app import Service, application
from governor.service.auth import Tokens
from governor.service.checkins import CheckIns
from governor.service.chronicle import Chronicle
from governor.service.denials import Denials
from governor.service.loading import until_answered
from governor.service.metrics import Metrics
from governor.service.pool import Watch
from governor.service.routes import ROUTES
from governor.settings import (
    FINISH_WITHIN_S,
    LOADED_WITHIN_S,
    READY,
    WRONG_SETTINGS,
    WorkerSettings,
)

log = logging.getLogger(__name__)


async def work(settings: WorkerSettings) -> None:
    """Serve until SIGTERM or SIGINT, then finish what is under way. Raises `SettingsError`."""
    stopping = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stopping.set)

    ledger = LedgerClient(settings.store, settings.pool)
    policies = PolicyStore(ledger)
    metrics = Metrics(lambda: policies.resolver.effective, settings.workers)
    denials = Denials()
    check_ins = CheckIns(ledger, policies, metrics, denials)
    chronicle_store = ChronicleStore(ledger.store)
    chronicle = Chronicle(chronicle_store, ledger, policies, check_ins, denials)
    controller = ControllerStore(ledger.store)
    watch = Watch(ledger, policies, check_ins, controller)
    service = Service(ledger, policies, check_ins, controller, chronicle_store, watch, stopping)
    app = application(service, Tokens(settings.tokens), ROUTES)
    runner = web.AppRunner(
        app, access_log=None, handler_cancellation=True, shutdown_timeout=FINISH_WITHIN_S
    )

    loading = asyncio.create_task(until_answered(policies.refresh))
    await asyncio.wait([loading], timeout=LOADED_WITHIN_S)
    check_ins.start()
    chronicle.start()
    await runner.setup()
    await web.SockSite(runner, socket.socket(fileno=settings.socket)).start()
    gc.freeze()  # what stands now stays: looking through it for garbage would hold check-ins up
    sys.stdout.buffer.write(READY)
    sys.stdout.buffer.flush()

    await stopping.wait()
    loading.cancel()
    check_ins.dismiss_waiters()
    await runner.cleanup()
    await chronicle.stop()
    await check_ins.stop()
    await ledger.close()


def _is_no_malformed_request(record: logging.LogRecord) -> bool:
    """Keep out of the log what anyone could fill it with: aiohttp gives each a stack trace."""
    malformed = HttpProcessingError, web.RequestPayloadError
    return not (record.exc_info and isinstance(record.exc_info[1], malformed))


def main() -> None:
    """Run a worker process."""
    logging.basicConfig(format="%(asctime)s %(levelname)s %(message)s", level=logging.INFO)
    logging.getLogger("aiohttp.server").addFilter(_is_no_malformed_request)
    settings = WorkerSettings.unpack(sys.stdin.buffer.readline())
    try:
        uvloop.run(work(settings))
    except SettingsError as error:
        print(f"governor: {error}", file=sys.stderr)  # noqa: T201 - the user's terminal
        sys.exit(WRONG_SETTINGS)


if __name__ == "__main__":
    main()
