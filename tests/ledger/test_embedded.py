"""The embedded server: private, durable, ends with its owner, shares its directory with nobody."""

import os
import re
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from redis import Redis

from governor.errors import EmbeddedStoreError, SettingsError
from governor.ledger.embedded import EmbeddedServer
from tests.stores import wait_until

_OWNER = """
import sys, time
from pathlib import Path
from governor.ledger.embedded import EmbeddedServer

server = EmbeddedServer(Path(sys.argv[1]))
server.start()
print(server.pid, server.url, flush=True)
time.sleep(600)
"""


@contextmanager
def owner(data_dir: Path) -> Iterator[tuple[subprocess.Popen[str], int, str]]:
    """Another governor over `data_dir`: its process, its server's pid, its server's URL."""
    command = [sys.executable, "-c", _OWNER, str(data_dir)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            pid, url = process.stdout.readline().split()
            yield process, int(pid), url
            shutil.rmtree(Path(url.removeprefix("unix://")).parent)  # what a killed owner leaves
        finally:
            process.kill()


def alive(pid: int) -> bool:
    """Whether the process runs: it exists, and is no zombie that nobody has reaped yet."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state not in "ZX"


def put(url: str, value: str) -> None:
    """Write what `read` is to find later."""
    with Redis.from_url(url) as client:
        client.set("limit", value)


def read(url: str) -> str | None:
    """What `put` wrote last."""
    with Redis.from_url(url, decode_responses=True) as client:
        value: str | None = client.get("limit")
        return value


def test_data_survives_a_stop(tmp_path: Path) -> None:
    with EmbeddedServer(tmp_path / "data") as first:
        put(first.url, "100")
    with EmbeddedServer(tmp_path / "data") as second:
        assert read(second.url) == "100"


def test_stop_leaves_no_process_and_no_socket(tmp_path: Path) -> None:
    server = EmbeddedServer(tmp_path / "data")
    server.start()
    pid, path = server.pid, Path(server.url.removeprefix("unix://"))
    assert pid is not None
    assert path.is_socket()
    server.stop()
    assert not alive(pid)
    assert not path.parent.exists()
    assert not server.running
    server.stop()  # once more does no harm


def test_only_its_owner_can_reach_it(tmp_path: Path) -> None:
    data_dir = tmp_path / "data"
    with EmbeddedServer(data_dir) as server:
        put(server.url, "100")
        path = Path(server.url.removeprefix("unix://"))
        for private in (data_dir, *data_dir.rglob("*"), path.parent, path):
            mode = stat.S_IMODE(private.stat().st_mode)
            assert mode & 0o077 == 0, f"{private} has mode {mode:o}"
        with Redis.from_url(server.url, decode_responses=True) as client:
            assert client.config_get("port") == {"port": "0"}


def test_data_survives_the_kill_of_the_server(tmp_path: Path) -> None:
    with EmbeddedServer(tmp_path / "data") as server:
        url, pid = server.url, server.pid
        assert pid is not None
        put(url, "100")
        os.kill(pid, signal.SIGKILL)
        wait_until(lambda: not server.running, "the owner notices")
        assert server.pid is None
        server.start()
        assert server.url == url
        assert read(url) == "100"


def test_starting_twice_is_starting_once(tmp_path: Path) -> None:
    with EmbeddedServer(tmp_path / "data") as server:
        pid = server.pid
        server.start()
        assert server.pid == pid


def test_start_after_stop(tmp_path: Path) -> None:
    server = EmbeddedServer(tmp_path / "data")
    with server:
        put(server.url, "100")
    with server:
        assert read(server.url) == "100"


def test_the_server_ends_with_an_owner_that_is_killed(tmp_path: Path) -> None:
    with owner(tmp_path / "data") as (process, server_pid, _):
        assert alive(server_pid)
        process.kill()
        wait_until(lambda: not alive(server_pid), "the server has ended")


def test_a_successor_starts_at_once_when_the_owner_was_killed(tmp_path: Path) -> None:
    with owner(tmp_path / "data") as (process, _, url):
        put(url, "100")
        process.kill()
        with EmbeddedServer(tmp_path / "data") as successor:
            assert read(successor.url) == "100"


def test_the_lock_is_held_until_the_killed_owners_server_has_ended(tmp_path: Path) -> None:
    with owner(tmp_path / "data") as (process, server_pid, _):
        os.kill(server_pid, signal.SIGSTOP)  # it can't obey the SIGTERM that it gets
        process.kill()
        process.wait()
        try:
            refused = pytest.raises(SettingsError, match="is in use by another governor")
            with refused, EmbeddedServer(tmp_path / "data"):
                pass
        finally:
            os.kill(server_pid, signal.SIGCONT)
        wait_until(lambda: not alive(server_pid), "the server has ended")


def test_a_second_owner_is_refused(tmp_path: Path) -> None:
    data_dir = tmp_path / "data"
    with owner(data_dir) as (process, _, url):
        expected = (
            f"data directory {data_dir} is in use by another governor (pid {process.pid}): "
            "give this one its own --data-dir, or point both at one Redis with --store"
        )
        refused = pytest.raises(SettingsError, match=f"^{re.escape(expected)}$")
        with refused, EmbeddedServer(data_dir):
            pass
        put(url, "100")  # the first one is none the worse
        assert read(url) == "100"


def test_ctrl_c_is_for_the_owner_not_for_the_server(tmp_path: Path) -> None:
    with EmbeddedServer(tmp_path / "data") as server:
        assert server.pid is not None
        assert os.getpgid(server.pid) != os.getpgrp()


def test_a_long_data_directory(tmp_path: Path) -> None:
    data_dir = tmp_path / ("d" * 120) / ("e " * 60 + "'\"é")
    with EmbeddedServer(data_dir) as server:
        put(server.url, "100")
    assert (data_dir / "appendonlydir").is_dir()


def test_a_half_written_change_is_dropped(tmp_path: Path) -> None:
    with EmbeddedServer(tmp_path / "data") as server:
        put(server.url, "100")
    (log,) = tmp_path.glob("data/appendonlydir/*.incr.aof")
    with log.open("ab") as file:
        file.write(b"*3\r\n$3\r\nSET\r\n$5\r\nlim")
    with EmbeddedServer(tmp_path / "data") as server:
        assert read(server.url) == "100"


def test_damaged_data_is_named_with_the_servers_reason(tmp_path: Path) -> None:
    data_dir = tmp_path / "data"
    with EmbeddedServer(data_dir) as server:
        put(server.url, "100")
    (log,) = data_dir.glob("appendonlydir/*.incr.aof")
    log.write_bytes(b"not an append-only file\r\n" * 10)
    server = EmbeddedServer(data_dir)
    with pytest.raises(EmbeddedStoreError) as caught:
        server.start()
    assert str(data_dir) in str(caught.value)
    assert "Bad file format reading the append only file" in str(caught.value)
    assert not server.running
    log.write_bytes(b"")
    with EmbeddedServer(data_dir) as successor:  # the failure has let go of the directory
        assert read(successor.url) is None


@pytest.mark.parametrize("beneath", ["", "data"])
def test_a_directory_that_cannot_be_used_is_named(tmp_path: Path, beneath: str) -> None:
    (tmp_path / "file").touch()
    data_dir = tmp_path / "file" / beneath
    with pytest.raises(SettingsError, match=re.escape(f"data directory {data_dir} can't be")):
        EmbeddedServer(data_dir).start()


@pytest.mark.parametrize(
    ("name", "complaint"),
    [
        ("t" * 120, r"too long for a Unix socket in it, by \d+ bytes"),
        ("/dev/null", "can't be used"),
    ],
)
def test_a_temporary_directory_that_cannot_be_used_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, complaint: str
) -> None:
    temporary = tmp_path / name
    monkeypatch.setattr(tempfile, "tempdir", str(temporary))
    with pytest.raises(SettingsError, match=complaint) as caught:
        EmbeddedServer(tmp_path / "data").start()
    assert f"temporary directory {temporary} " in str(caught.value)
    assert "TMPDIR" in str(caught.value)


def test_the_log_of_the_life_before_is_kept(tmp_path: Path) -> None:
    with EmbeddedServer(tmp_path / "data") as server:
        first = (tmp_path / "data/valkey.log").read_bytes()
        assert server.pid is not None
        os.kill(server.pid, signal.SIGKILL)
        wait_until(lambda: not server.running, "the owner notices")
        server.start()
        assert (tmp_path / "data/valkey.log.1").read_bytes() == first
