"""The service's processes: several workers, and what is left when one of them ends."""

import asyncio
import re
import resource
import signal
import socket
import subprocess
import sys
from pathlib import Path

import psutil
import pytest
from aiohttp import ClientError

from governor.lifeline import tied
from governor.service.supervisor import _terminate
from tests.governors import Governor, Start, command, environment, run
from tests.service.api import Api, eventually
from tests.stores import Server, wait_until


def granted(metrics: bytes) -> int:
    """The sum of all grants in the text of /metrics."""
    pattern = rb'^governor_acquires_total\{.*result="granted".*\} (\S+)$'
    return sum(int(float(value)) for value in re.findall(pattern, metrics, re.MULTILINE))


async def check_ins(governor: Governor, name: str, number: int) -> None:
    """Check in `number` times, each on a connection of its own, so that all workers get some."""

    async def one(index: int) -> None:
        async with Api(governor.url) as api:
            await api.granted(f"{name}-{index}", "f")

    await asyncio.gather(*map(one, range(number)))


async def test_workers_answer_with_one_truth(start: Start, own_store: Server) -> None:
    governor = start("--store", own_store.url, "--workers", "2")
    assert len(governor.workers()) == 2
    await check_ins(governor, "first", 60)
    for _ in range(10):  # whichever of them answers
        async with Api(governor.url) as api:
            assert granted((await api.get("/metrics")).body) == 60
            assert await api.in_use("function:f") == 60


async def test_workers_share_the_work(start: Start, own_store: Server) -> None:
    governor = start("--store", own_store.url, "--workers", "2")
    before = {worker.pid: sum(worker.cpu_times()[:2]) for worker in governor.workers()}

    async def both_have_worked() -> bool:
        await check_ins(governor, f"{asyncio.get_running_loop().time()}", 40)
        return all(
            sum(worker.cpu_times()[:2]) - before[worker.pid] >= 0.02
            for worker in governor.workers()
        )

    await eventually(both_have_worked, "both workers have worked")


async def test_a_killed_worker_is_replaced_and_the_service_goes_on(
    start: Start, own_store: Server
) -> None:
    governor = start("--store", own_store.url, "--workers", "2")
    await check_ins(governor, "first", 20)
    victim, survivor = governor.workers()
    victim.kill()

    def are_two() -> bool:
        return len(governor.workers()) == 2 and victim not in governor.workers()

    wait_until(are_two, "another worker has taken its place")
    assert survivor in governor.workers()

    async def has_worked(number: int) -> None:
        async with Api(governor.url) as api:
            await api.granted(f"second-{number}", "f")

    await asyncio.gather(*map(has_worked, range(40)))  # none is refused, none hangs
    async with Api(governor.url) as api:
        assert granted((await api.get("/metrics")).body) == 60
        assert await api.in_use("function:f") == 60
    assert governor.stop() == 0


async def test_clients_of_a_killed_worker_can_ask_again(start: Start, own_store: Server) -> None:
    """With every worker dead for a moment: connections wait to be accepted, none is refused."""
    governor = start("--store", own_store.url, "--workers", "2")
    for worker in governor.workers():
        worker.kill()
    async with Api(governor.url) as api:

        async def answers() -> bool:
            try:
                return (await api.check_in("one", "f")).status in {200, 201}
            except (ClientError, TimeoutError):
                return False

        await eventually(answers, "the service answers")


@pytest.mark.parametrize("workers", ["1", "2"])
def test_nothing_outlives_a_killed_supervisor(start: Start, tmp_path: Path, workers: str) -> None:
    governor = start("--data-dir", f"{tmp_path}", "--workers", workers)
    store, children = governor.store(), governor.children()
    assert store in children
    assert len(governor.workers()) == int(workers)
    governor.kill()
    assert not any(child.is_running() for child in children)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_signal_stops_everything(start: Start, tmp_path: Path, number: signal.Signals) -> None:
    governor = start("--data-dir", f"{tmp_path}", "--workers", "2")
    children = governor.children()
    psutil.Process(governor.pid).send_signal(number)
    assert governor.wait() == 0
    assert not any(child.is_running() for child in children)


def test_a_hangup_is_ignored_where_it_was_to_be(start: Start, tmp_path: Path) -> None:
    """Nohup has a process ignore SIGHUP, so that it outlives its terminal."""
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        governor = start("--data-dir", f"{tmp_path}")
    finally:
        signal.signal(signal.SIGHUP, before)
    psutil.Process(governor.pid).send_signal(signal.SIGHUP)
    assert run("status", "--url", governor.url).returncode == 0
    assert governor.stop() == 0


def test_a_worker_may_open_as_many_files_as_the_system_allows(start: Start, tmp_path: Path) -> None:
    """Each execution environment keeps a connection: soft limits would turn the 1,025th away."""
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (256, before[1]))
    try:
        governor = start("--data-dir", f"{tmp_path}", "--workers", "2")
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)
    for worker in governor.workers():
        assert worker.rlimit(psutil.RLIMIT_NOFILE) == (before[1], before[1])


def test_few_files_are_told(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        serve = command("serve", "--listen", f"127.0.0.1:{taken.getsockname()[1]}")
        ended = subprocess.run(
            [
                "/bin/sh",
                "-c",
                'ulimit -n 512; exec "$@"',
                "sh",
                *serve,
                "--data-dir",
                f"{tmp_path}",
            ],
            env=environment(),
            capture_output=True,
            text=True,
            check=False,
        )
    assert ended.returncode == 2
    assert "may have 512 files open" in ended.stderr


async def test_a_child_that_has_ended_by_itself_does_not_disturb_the_stop() -> None:
    """A worker may end in the moment between the signal and its turn to be told of it."""
    child = await asyncio.create_subprocess_exec(*tied([sys.executable, "-c", ""]))
    assert await child.wait() == 0
    with pytest.raises(ProcessLookupError):
        child.terminate()
    _terminate(child)


async def test_requests_under_way_finish(start: Start, own_store: Server) -> None:
    """Every check-in that reached the ledger is answered, though the service is told to stop."""
    governor = start("--store", own_store.url, "--workers", "2")
    answered = 0

    async def client(number: int) -> None:
        nonlocal answered
        try:
            for turn in range(100_000):
                async with Api(governor.url) as api:  # a connection for each, so none is idle
                    await api.granted(f"{number}-{turn}", "f")
                    answered += 1
        except ClientError:
            assert stopping.is_set(), "a connection failed before the service was told to stop"

    stopping = asyncio.Event()
    clients = [asyncio.create_task(client(number)) for number in range(20)]
    await asyncio.sleep(0.5)
    stopping.set()
    governor.terminate()
    await asyncio.gather(*clients)
    assert await asyncio.to_thread(governor.wait) == 0
    assert answered > 20
    with own_store.client() as store:
        assert store.hlen("{default}:leases") == answered


def test_two_governors_do_not_share_a_data_directory(start: Start, tmp_path: Path) -> None:
    governor = start("--data-dir", f"{tmp_path}")
    ended = run("serve", "--listen", "127.0.0.1:0", "--data-dir", f"{tmp_path}")
    assert ended.returncode == 2
    assert f"in use by another governor (pid {governor.pid})" in ended.stderr
    assert "Traceback" not in ended.stderr
    assert governor.stop() == 0


@pytest.mark.parametrize("workers", ["1", "2"])
def test_a_port_in_use_is_told(start: Start, tmp_path: Path, workers: str) -> None:
    governor = start("--data-dir", f"{tmp_path / 'one'}", "--workers", workers)
    listen = f"127.0.0.1:{governor.port}"
    for data_dir in ("two", "three"):
        ended = run("serve", "--listen", listen, "--data-dir", f"{tmp_path / data_dir}")
        assert ended.returncode == 2
        assert f"--listen {listen}: Address already in use" in ended.stderr
        assert "Traceback" not in ended.stderr


def test_a_second_service_with_workers_does_not_share_the_port(
    start: Start, tmp_path: Path
) -> None:
    """SO_REUSEPORT is for our own workers: two services on one port would halve each other."""
    governor = start("--data-dir", f"{tmp_path / 'one'}", "--workers", "2")
    listen = f"127.0.0.1:{governor.port}"
    ended = run("serve", "--listen", listen, "--workers", "2", "--data-dir", f"{tmp_path / 'two'}")
    assert ended.returncode == 2
    assert "Address already in use" in ended.stderr


def test_it_listens_on_ipv6(start: Start, tmp_path: Path) -> None:
    with socket.socket(socket.AF_INET6) as probe:
        try:
            probe.bind(("::1", 0))
        except OSError:
            pytest.skip("this machine has no IPv6 loopback")
    governor = start("--data-dir", f"{tmp_path}", "--listen", "[::1]:0")
    assert governor.url.startswith("http://[::1]:")
    assert run("status", "--url", governor.url).returncode == 0


def test_a_controller_that_can_not_run_is_told_at_once(tmp_path: Path) -> None:
    nowhere = {"AWS_DEFAULT_REGION": "", "AWS_REGION": "", "AWS_CONFIG_FILE": "/dev/null"}
    options = ("--listen", "127.0.0.1:0", "--data-dir", str(tmp_path))
    ended = run("serve", "--controller", *options, **nowhere)
    assert ended.returncode == 2
    assert "there is no AWS region: set AWS_DEFAULT_REGION" in ended.stderr
