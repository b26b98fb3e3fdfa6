"""`governor serve`: the embedded store, the workers, a controller; started, watched and stopped.

The supervisor holds the listening sockets, so a worker that dies loses its connections but none
that was waiting to be accepted, and a new one takes its place. Whatever happens to the supervisor,
its children end with it.
"""

import asyncio
import fcntl
import logging
import os
import resource
import signal
import socket
import sys
import tempfile
from asyncio.subprocess import PIPE, Process
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from governor.errors import EmbeddedStoreError, SettingsError
from governor.ledger.embedded import EmbeddedServer
from governor.lifeline import tied
from governor.service.sockets import listen
from governor.settings import (
    EMBEDDED,
    FINISH_WITHIN_S,
    LOADED_WITHIN_S,
    READY,
    WRONG_SETTINGS,
    Address,
    ChildSettings,
    ControllerSettings,
    ServeSettings,
    WorkerSettings,
)

RESTART_AFTER_S: Final = 0.2
LOOK_AT_STORE_EVERY_S: Final = 0.1
FEW_FILES: Final = 4096

log = logging.getLogger(__name__)


def serve(settings: ServeSettings) -> None:
    """Run the service until SIGTERM, SIGINT or SIGHUP.

    Raises `SettingsError` if it can't be run with these settings, and `EmbeddedStoreError` if its
    store can't.
    """
    allow_files()
    with ExitStack() as held:
        sockets = listen(settings.listen, settings.workers)
        for each in sockets:
            held.enter_context(each)
        store = None
        if settings.store == EMBEDDED:
            store = held.enter_context(EmbeddedServer(settings.data_dir))
        folder = held.enter_context(metrics_folder())
        asyncio.run(Supervisor(settings, sockets, store, folder).run())


def allow_files() -> None:
    """Let this process and its children open as many files as they may.

    A worker has one for each connection, and each execution environment keeps its own open. The
    soft limit, mostly 1,024, is there for programs that use select(2); none does here.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with suppress(ValueError):  # macOS: the kernel allows fewer than it says
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
        soft = hard
    if soft != resource.RLIM_INFINITY and soft < FEW_FILES:
        log.warning(
            "a worker may have %d files open, and needs one for each execution environment: raise "
            "the limit (ulimit -n, LimitNOFILE= in systemd, ulimits of a container), or have more "
            "--workers",
            soft,
        )


@contextmanager
def metrics_folder() -> Iterator[str]:
    """Have a folder for the workers' counters, which systemd leaves alone however old it gets.

    What is locked is not cleaned up (tmpfiles.d(5), "age").
    """
    with tempfile.TemporaryDirectory(prefix="governor-metrics-") as folder:
        lock = os.open(folder, os.O_RDONLY)
        try:
            fcntl.flock(lock, fcntl.LOCK_SH)
            yield folder
        finally:
            os.close(lock)


@dataclass(frozen=True, slots=True)
class Program:
    """What a child process runs, with which settings and which open socket."""

    module: str
    settings: ChildSettings
    sockets: tuple[int, ...] = ()

    @property
    def name(self) -> str:
        """What it is to the user."""
        return self.module.rpartition(".")[2] if self.sockets else "controller"


class Supervisor:
    """Keeps one store (if it is embedded), some workers and maybe a controller running."""

    def __init__(
        self,
        settings: ServeSettings,
        sockets: list[socket.socket],
        store: EmbeddedServer | None,
        folder: str,
    ) -> None:
        """Run a worker on each of `sockets`; they share their counters in `folder`."""
        self._settings = settings
        self._sockets = sockets
        self._store = store
        self._folder = folder
        self._running: dict[Program, Process] = {}
        self._stopping = asyncio.Event()
        self._refused = False

    async def run(self) -> None:
        """Start everything, say so, and stop everything on a signal: the store last.

        Raises `SettingsError` if the store has no such address, or a child refuses its settings
        when it first starts.
        """
        for number in _stop_signals():
            asyncio.get_running_loop().add_signal_handler(number, self._stopping.set)
        loading = asyncio.create_task(self._load_policy())
        with suppress(TimeoutError):
            await asyncio.wait_for(asyncio.shield(loading), LOADED_WITHIN_S)
        programs = self._programs()
        ready = [asyncio.Event() for _ in programs]
        keeping = [
            asyncio.create_task(self._keep(program, event))
            for program, event in zip(programs, ready, strict=True)
        ]
        watching = asyncio.create_task(self._watch_store())
        announcing = asyncio.create_task(self._announce(ready))
        await self._stopping.wait()
        announcing.cancel()
        loading.cancel()
        for child in self._running.values():
            _terminate(child)
        await asyncio.gather(*keeping)
        watching.cancel()
        await asyncio.wait([loading])
        if self._refused:
            raise SettingsError("the service can't run with these settings; see above")

    async def _announce(self, ready: list[asyncio.Event]) -> None:
        for event in ready:
            await event.wait()
        host, port, *_ = self._sockets[0].getsockname()
        print(f"governor: listening on {Address(host, port).url}", flush=True)  # noqa: T201

    @property
    def _store_url(self) -> str:
        return self._settings.store if self._store is None else self._store.url

    async def _load_policy(self) -> None:
        """Load the policy file, here: workers start again and again, and the policy goes on."""
        file, pool = self._settings.policy, self._settings.pool
        if file is not None:
            # The store's client takes 10 MB, which a supervisor without a file can do without.
            from governor.service.loading import load_file  # noqa: PLC0415

            await load_file(file, self._store_url, pool)

    def _programs(self) -> list[Program]:
        """A worker for each socket, and the controller if one is wanted."""
        settings, store = self._settings, self._store_url
        programs = [
            Program(
                "governor.service.worker",
                WorkerSettings(
                    each.fileno(),
                    store,
                    settings.pool,
                    settings.tokens,
                    len(self._sockets),
                ),
                (each.fileno(),),
            )
            for each in self._sockets
        ]
        if settings.controller:
            told = ControllerSettings(store, settings.pool)
            programs.append(Program("governor.controller.process", told))
        return programs

    async def _keep(self, program: Program, ready: asyncio.Event) -> None:
        while not self._stopping.is_set():
            child = await self._start(program)
            self._running[program] = child
            assert child.stdout is not None  # noqa: S101 - asked for
            if await child.stdout.readline() == READY:
                ready.set()
            if self._stopping.is_set():  # the signal may have come before the child was known
                _terminate(child)
            status = await self._ended(child)
            del self._running[program]
            if status == WRONG_SETTINGS and not ready.is_set():
                self._refused = True
                self._stopping.set()
            elif not self._stopping.is_set():
                log.error("a %s ended with status %s; starting another", program.name, status)
                await asyncio.sleep(RESTART_AFTER_S)

    async def _start(self, program: Program) -> Process:
        child = await asyncio.create_subprocess_exec(
            *tied([sys.executable, "-m", program.module]),
            stdin=PIPE,
            stdout=PIPE,
            env=self._environment(),
            pass_fds=program.sockets,
            start_new_session=True,  # a terminal's Ctrl-C is for the supervisor, which passes it on
        )
        assert child.stdin is not None  # noqa: S101 - asked for
        child.stdin.write(program.settings.pack())
        child.stdin.close()
        return child

    def _environment(self) -> dict[str, str]:
        """Name the folder of the counters, made anew if something that cleans up took it away."""
        Path(self._folder).mkdir(mode=0o700, exist_ok=True)
        return os.environ | {"PROMETHEUS_MULTIPROC_DIR": self._folder}

    async def _ended(self, child: Process) -> int:
        ended = asyncio.create_task(child.wait())
        stopping = asyncio.create_task(self._stopping.wait())
        await asyncio.wait([ended, stopping], return_when=asyncio.FIRST_COMPLETED)
        stopping.cancel()
        if not ended.done():
            await asyncio.wait([ended], timeout=FINISH_WITHIN_S + 1)
        if not ended.done():
            child.kill()
        return await ended

    async def _watch_store(self) -> None:
        """Bring the embedded store back when it ended, with its data, at the same address."""
        while self._store is not None:
            await asyncio.sleep(LOOK_AT_STORE_EVERY_S)
            if not self._store.running:
                log.error("the embedded store ended; starting it again")
                try:
                    await asyncio.to_thread(self._store.start)
                except (EmbeddedStoreError, SettingsError) as error:
                    log.error("%s", error)  # noqa: TRY400 - the message says it all
                    await asyncio.sleep(RESTART_AFTER_S)


def _stop_signals() -> Iterator[signal.Signals]:
    yield signal.SIGTERM
    yield signal.SIGINT
    if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:  # nohup's way to let it live on
        yield signal.SIGHUP  # the terminal was closed


def _terminate(child: Process) -> None:
    with suppress(ProcessLookupError):  # it has just ended by itself
        child.terminate()
