"""One leader, whatever happens to it: controllers as processes over one store."""

import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import pytest

from governor.controller.leader import LEASE_S, RENEW_EVERY_S, Leadership, Lease
from governor.ledger.controller_store import ControllerStore
from governor.lifeline import tied
from tests.controller.controllers import Governed
from tests.stores import wait_until

FOLLOWED_WITHIN_S = 15.0
"""What the design promises."""

Process = subprocess.Popen[bytes]


class Pair:
    """Starts two controllers, and reads who acted."""

    def __init__(self, governed: Governed, file: Path) -> None:
        """Have both write to `file`."""
        self._governed = governed
        self._file = file
        file.touch()

    def start(self) -> Process:
        """Start one more."""
        command = [sys.executable, "-m", "tests.controller.standin_controller"]
        where = [self._governed.url, self._governed.pool, str(self._file)]
        return subprocess.Popen(tied([*command, *where]))

    def acted(self) -> list[int]:
        """The pids of the controllers that sent an action, in the order of their actions."""
        lines = self._file.read_text().splitlines()
        return [int(line.split()[0]) for line in lines if line.count(" ") == 1]


@pytest.fixture
async def controllers(governed: Governed, tmp_path: Path) -> Pair:
    """Two controllers over one pool."""
    await governed.set_policy(
        "account: {max_concurrency: 100, headroom: 20}\nfunctions: {load: {priority: background}}"
    )
    return Pair(governed, tmp_path / "actions")


@pytest.fixture
def running(controllers: Pair) -> Iterator[tuple[Process, Process]]:
    """Both controllers, the leader first, once it acts."""
    with ExitStack() as ending:
        both = [ending.enter_context(controllers.start()) for _ in range(2)]
        for each in both:
            ending.callback(each.kill)
        wait_until(lambda: len(controllers.acted()) > 3, "a leader acts")
        leader = controllers.acted()[0]
        one, another = both
        yield (one, another) if one.pid == leader else (another, one)


def turns(pids: list[int]) -> list[int]:
    """Who acted, without repetitions in a row."""
    return [pid for index, pid in enumerate(pids) if index == 0 or pids[index - 1] != pid]


def test_a_killed_leader_is_followed(controllers: Pair, running: tuple[Process, Process]) -> None:
    leader, other = running
    assert turns(controllers.acted()) == [leader.pid]
    leader.kill()
    leader.wait()
    followed = f"another controller acts within {FOLLOWED_WITHIN_S:.0f} s"
    wait_until(lambda: other.pid in controllers.acted(), followed, FOLLOWED_WITHIN_S)
    assert turns(controllers.acted()) == [leader.pid, other.pid]


def test_a_leader_that_stood_still_sends_nothing_when_it_goes_on(
    controllers: Pair, running: tuple[Process, Process]
) -> None:
    leader, other = running
    leader.send_signal(signal.SIGSTOP)
    wait_until(lambda: other.pid in controllers.acted(), "another acts", FOLLOWED_WITHIN_S)
    leader.send_signal(signal.SIGCONT)
    acted = len(controllers.acted())
    wait_until(lambda: len(controllers.acted()) > acted + 20, "it goes on acting")
    assert turns(controllers.acted()) == [leader.pid, other.pid]


def test_a_leader_that_ends_in_order_is_followed_before_its_lease_would_have_ended(
    controllers: Pair, running: tuple[Process, Process]
) -> None:
    leader, other = running
    leader.terminate()
    assert leader.wait(20) == 0
    wait_until(lambda: other.pid in controllers.acted(), "another acts", LEASE_S - 1)
    assert turns(controllers.acted()) == [leader.pid, other.pid]


def test_there_is_time_to_notice() -> None:
    assert LEASE_S + 2 * RENEW_EVERY_S < FOLLOWED_WITHIN_S
    assert RENEW_EVERY_S < LEASE_S / 3


def test_a_lease_ends_by_itself() -> None:
    lease = Lease("one", 1, time.monotonic() + 60)
    assert lease.live
    assert not replace(lease, until_s=time.monotonic()).live


async def test_who_is_deposed_knows_when_it_asks(governed: Governed) -> None:
    leadership = Leadership(governed.store)
    lease = await leadership.ask()
    assert lease is not None
    assert leadership.lease == lease
    confirmed = await leadership.confirmed(lease)
    assert confirmed is not None
    assert confirmed.until_s > lease.until_s
    assert (await governed.store.lead("another", 60_000, depose=True)).term == lease.term + 1
    assert await leadership.confirmed(lease) is None
    assert leadership.lease is None


async def test_a_lease_of_an_earlier_term_is_not_confirmed(governed: Governed) -> None:
    leadership = Leadership(governed.store)
    lease = await leadership.ask()
    assert lease is not None
    await ControllerStore(governed.ledger.store).resign(leadership.id, lease.term)
    assert await leadership.confirmed(lease) is None
    again = leadership.lease
    assert again is not None
    assert again.term == lease.term + 1
