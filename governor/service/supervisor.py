"""`governor serve`: the embedded store and the workers, started, watched and stopped.

The supervisor holds the listening sockets, so a worker that dies loses its connections but none
that was waiting to be accepted, and a new one takes its place. Whatever happens to the supervisor,
its children end with it.
"""

import asyncio
import logging
import os
import signal
import socket
import sys
import tempfile
from asyncio.subprocess import PIPE, Process
from contextlib import ExitStack
from typing import Final

from governor.errors import EmbeddedStoreError, SettingsError
from governor.ledger.embedded import EmbeddedServer
from governor.lifeline import tied
from governor.settings import (
    EMBEDDED,
    FINISH_WITHIN_S,
    READY,
    WRONG_SETTINGS,
    Address,
    ServeSettings,
    WorkerSettings,
)

RESTART_AFTER_S: Final = 0.2
LOOK_AT_STORE_EVERY_S: Final = 0.1
BACKLOG: Final = 1024

log = logging.getLogger(__name__)


def serve(settings: ServeSettings) -> None:
    """Run the service until SIGTERM or SIGINT.

    Raises `SettingsError` and `EmbeddedStoreError` if it can't be run with these settings.
    """
    with ExitStack() as held:
        sockets = listen(settings.listen, settings.workers)
        for each in sockets:
            held.enter_context(each)
        store = None
        if settings.store == EMBEDDED:
            store = held.enter_context(EmbeddedServer(settings.data_dir))
        folder = held.enter_context(tempfile.TemporaryDirectory(prefix="governor-metrics-"))
        asyncio.run(Supervisor(settings, sockets, store, folder).run())


def listen(address: Address, workers: int) -> list[socket.socket]:
    """Return `workers` sockets on one port, among which the kernel spreads connections.

    Raises `SettingsError` if the address can't be had.
    """
    sockets: list[socket.socket] = []
    try:
        # Whoever shares a port lets everyone of this user in who does, too. A second service must
        # fail instead of taking half of our connections, so ask for the port alone first.
        with _bind(address.host, address.port) as alone:
            port = alone.getsockname()[1]
        for _ in range(workers):
            sockets.append(_bind(address.host, port, share=workers > 1))
            sockets[-1].listen(BACKLOG)
    except OSError as error:
        for each in sockets:
            each.close()
        raise SettingsError(f"--listen {address.host}:{address.port}: {error.strerror}") from error
    return sockets


def _bind(host: str, port: int, *, share: bool = False) -> socket.socket:
    bound = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
    try:
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if share:
            bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        bound.bind((host, port))
    except OSError:
        bound.close()
        raise
    return bound


class Supervisor:
    """Keeps one store (if it is embedded) and some workers running."""

    def __init__(
        self,
        settings: ServeSettings,
        sockets: list[socket.socket],
        store: EmbeddedServer | None,
        metrics_folder: str,
    ) -> None:
        """Run a worker on each of `sockets`."""
        self._settings = settings
        self._sockets = sockets
        self._store = store
        self._environment = os.environ | {"PROMETHEUS_MULTIPROC_DIR": metrics_folder}
        self._workers: dict[int, Process] = {}
        self._stopping = asyncio.Event()
        self._refused = False

    async def run(self) -> None:
        """Start everything, say so, and stop everything on a signal: workers first.

        Raises `SettingsError` if the workers refuse their settings when they first start.
        """
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, self._stopping.set)
        ready = [asyncio.Event() for _ in self._sockets]
        keeping = [
            asyncio.create_task(self._keep_worker(each, event))
            for each, event in zip(self._sockets, ready, strict=True)
        ]
        watching = asyncio.create_task(self._watch_store())
        announcing = asyncio.create_task(self._announce(ready))
        await self._stopping.wait()
        announcing.cancel()
        for worker in self._workers.values():
            worker.send_signal(signal.SIGTERM)
        await asyncio.gather(*keeping)
        watching.cancel()
        if self._refused:
            raise SettingsError("the service can't run with these settings; see above")

    async def _announce(self, ready: list[asyncio.Event]) -> None:
        for event in ready:
            await event.wait()
        host, port, *_ = self._sockets[0].getsockname()
        print(f"governor: listening on {Address(host, port).url}", flush=True)  # noqa: T201

    async def _keep_worker(self, listening: socket.socket, ready: asyncio.Event) -> None:
        settings = WorkerSettings(
            listening.fileno(),
            self._settings.store if self._store is None else self._store.url,
            self._settings.pool,
            self._settings.policy,
            self._settings.tokens,
            len(self._sockets),
        )
        while not self._stopping.is_set():
            worker = await self._start_worker(settings)
            self._workers[settings.socket] = worker
            assert worker.stdout is not None  # noqa: S101 - asked for
            if await worker.stdout.readline() == READY:
                ready.set()
            if self._stopping.is_set():  # the signal may have come before the worker was known
                worker.send_signal(signal.SIGTERM)
            status = await self._ended(worker)
            del self._workers[settings.socket]
            if status == WRONG_SETTINGS and not ready.is_set():
                self._refused = True
                self._stopping.set()
            elif not self._stopping.is_set():
                log.error("a worker ended with status %s; starting another", status)
                await asyncio.sleep(RESTART_AFTER_S)

    async def _start_worker(self, settings: WorkerSettings) -> Process:
        worker = await asyncio.create_subprocess_exec(
            *tied([sys.executable, "-m", "governor.service.worker"]),
            stdin=PIPE,
            stdout=PIPE,
            env=self._environment,
            pass_fds=[settings.socket],
            start_new_session=True,  # a terminal's Ctrl-C is for the supervisor, which passes it on
        )
        assert worker.stdin is not None  # noqa: S101 - asked for
        worker.stdin.write(settings.pack())
        worker.stdin.close()
        return worker

    async def _ended(self, worker: Process) -> int:
        ended = asyncio.create_task(worker.wait())
        stopping = asyncio.create_task(self._stopping.wait())
        await asyncio.wait([ended, stopping], return_when=asyncio.FIRST_COMPLETED)
        stopping.cancel()
        if not ended.done():
            await asyncio.wait([ended], timeout=FINISH_WITHIN_S + 1)
        if not ended.done():
            worker.kill()
        return await ended

    async def _watch_store(self) -> None:
        """Bring the embedded store back when it ended, with its data, at the same address."""
        while self._store is not None:
            await asyncio.sleep(LOOK_AT_STORE_EVERY_S)
            if not self._store.running:
                log.error("the embedded store ended; starting it again")
                try:
                    await asyncio.to_thread(self._store.start)
                except EmbeddedStoreError as error:
                    log.error("%s", error)  # noqa: TRY400 - the message says it all
                    await asyncio.sleep(RESTART_AFTER_S)
