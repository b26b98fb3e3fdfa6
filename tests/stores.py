"""Real stores for tests: servers of our own that a test may kill, freeze and bring back."""

import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import TracebackType
from typing import Self

from redis import Redis
from redis.exceptions import RedisError

from governor.demo.ports import free_ports
from governor.lifeline import tied

_DEADLINE_S = 20.0
_CLUSTER_NODES = 3
_SLOTS = 16384

NO_PERSISTENCE = ("--save", "", "--appendonly", "no")


def wait_until(condition: Callable[[], bool], what: str, deadline_s: float = _DEADLINE_S) -> None:
    """Return as soon as `condition` holds; fail, naming `what` was awaited, after `deadline_s`."""
    give_up_at = time.monotonic() + deadline_s
    while not condition():
        assert time.monotonic() < give_up_at, f"after {deadline_s:.0f} s still not: {what}"
        time.sleep(0.01)


class Server:
    """A Redis or Valkey server over a directory of its own, which is gone after `close`.

    It listens on a Unix socket, or on 127.0.0.1 when a `port` is given. `options` are the server's
    own command line. What it holds survives `kill` and `restart` only if the options say so.
    """

    def __init__(self, binary: str, *options: str, port: int | None = None) -> None:
        """Start the server and wait until it answers."""
        self._directory = Path(tempfile.mkdtemp(prefix="store-"))  # short: it holds the socket
        self.port = port
        if port is None:
            path = self._directory / "store.sock"
            self.url = f"unix://{path}"
            where = ["--port", "0", "--unixsocket", str(path)]
        else:
            self.url = f"redis://127.0.0.1:{port}"
            where = ["--port", f"{port}", "--bind", "127.0.0.1"]
        self._command = tied([binary, *where, "--dir", str(self._directory), *options])
        self._process = self._launch()
        self._wait_until_answering()

    def client(self) -> Redis:
        """A connection for the test itself: short-lived, close it."""
        return Redis.from_url(self.url, decode_responses=True, socket_timeout=5.0)

    @property
    def pid(self) -> int:
        """The server's process id; a new one after `restart`."""
        return self._process.pid

    def kill(self) -> None:
        """SIGKILL, and wait for the end: connections break, the address refuses new ones."""
        self.resume()
        self._process.kill()
        self._process.wait()

    def freeze(self) -> None:
        """SIGSTOP: connections stay open and new ones are accepted, but nothing answers."""
        self._process.send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        """SIGCONT: go on after `freeze`."""
        self._process.send_signal(signal.SIGCONT)

    def restart(self) -> None:
        """Kill the server if it runs, start it again at the same address, wait for its answer."""
        self.kill()
        self._process = self._launch()
        self._wait_until_answering()

    def commands_processed(self) -> dict[str, int]:
        """How often each command was called since the start, scripts' own commands included.

        Asking counts as one `info`.
        """
        with self.client() as client:
            statistics = client.info("commandstats")
        return {
            name.removeprefix("cmdstat_"): int(values["calls"])
            for name, values in statistics.items()
        }

    def log(self) -> str:
        """What the server has printed in its last life."""
        return self._log.read_text(errors="replace")

    def close(self) -> None:
        """Kill the server and remove its directory."""
        self.kill()
        shutil.rmtree(self._directory, ignore_errors=True)

    def __enter__(self) -> Self:
        """The running server."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close it."""
        self.close()

    @property
    def _log(self) -> Path:
        return self._directory / "store.log"

    def _launch(self) -> subprocess.Popen[bytes]:
        with self._log.open("wb") as log:
            return subprocess.Popen(self._command, stdout=log, stderr=log, start_new_session=True)

    def _wait_until_answering(self) -> None:
        with self.client() as client:

            def answers() -> bool:
                assert self._process.poll() is None, self.log()
                try:
                    return bool(client.ping())
                except RedisError:
                    return False

            wait_until(answers, f"{self.url} answers")


@contextmanager
def cluster(binary: str) -> Iterator[list[Server]]:
    """The nodes of a running three-node cluster without replicas, every slot served."""
    with ExitStack() as running:
        ports = free_ports(2 * _CLUSTER_NODES)
        nodes = []
        for port, bus in zip(ports[::2], ports[1::2], strict=True):
            options = (*NO_PERSISTENCE, "--cluster-enabled", "yes", "--cluster-port", f"{bus}")
            nodes.append(running.enter_context(Server(binary, *options, port=port)))
        clients = [running.enter_context(node.client()) for node in nodes]
        for index, client in enumerate(clients):
            first = index * _SLOTS // _CLUSTER_NODES
            last = (index + 1) * _SLOTS // _CLUSTER_NODES - 1
            client.cluster("ADDSLOTSRANGE", first, last)
            client.cluster("MEET", "127.0.0.1", ports[0], ports[1])
        wait_until(lambda: all(map(_knows_all_slots, clients)), "the cluster has formed")
        yield nodes


def _knows_all_slots(node: Redis) -> bool:
    healthy = node.cluster("INFO")["cluster_state"] == "ok"
    return healthy and len(node.cluster("SLOTS")) == _CLUSTER_NODES
