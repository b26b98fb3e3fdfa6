"""What Lambda, and a handler, may do to the process: fork it, restore it, end it."""

import subprocess
import sys
import textwrap
from pathlib import Path

from tests.layer.behaviour import HangUpError, Request, grants
from tests.layer.desks import Context, desk, lease
from tests.layer.standin import StandIn
from tests.stores import wait_until

LAYER = Path(__file__).parents[2] / "lambda_layer" / "python"

BEGINNING = """
import os, sys, threading
from awslambdaric.lambda_runtime_hooks_runner import run_after_restore
from governor_layer import governed, renewal

renewal.LOOK_EVERY_S, renewal.RENEW_EVERY_S = 0.01, 0.03

class Context:
    def __init__(self, request_id, remaining_ms=3000):
        self.aws_request_id = request_id
        self.get_remaining_time_in_millis = lambda: remaining_ms
"""


def run(standin: StandIn, program: str) -> int:
    """The exit status of a process of a governed function."""
    return subprocess.run(
        [sys.executable, "-c", BEGINNING + textwrap.dedent(program)],
        env={
            "PYTHONPATH": str(LAYER),
            "AWS_LAMBDA_FUNCTION_NAME": "etl-load",
            "GOVERNOR_URL": standin.url,
            "GOVERNOR_TIMEOUT_MS": "20000",
        },
        timeout=30,
        check=False,
    ).returncode


def connections(standin: StandIn, name: str) -> set[int]:
    """The connections on which invocations called `name` have checked in."""
    asked = [r for r in standin.requests if r.body.get("id", "").startswith(f"{name}:")]
    return {request.connection for request in asked}


def all_given_back(standin: StandIn) -> bool:
    """Whether every lease has been given back once, and nothing else has."""
    return sorted(standin.paths("DELETE")) == sorted(f"/v1/leases/{id_}" for id_ in standin.ids())


def test_a_fork_shares_no_connection(standin: StandIn) -> None:
    status = run(
        standin,
        """
        handler = governed(lambda event, context: "ran")
        for _ in range(3):
            handler({}, Context("parent"))
        if child := os.fork():
            assert os.waitpid(child, 0)[1] == 0
            handler({}, Context("parent"))
        else:
            for _ in range(3):
                handler({}, Context("child"))
        """,
    )
    assert status == 0
    wait_until(lambda: all_given_back(standin), "every lease is given back")
    assert len(standin.ids()) == len(set(standin.ids())) == 7
    assert connections(standin, "parent") == {0}, "and the child has not shut it down"
    assert connections(standin, "child") == {1}


def test_a_fork_renews_on_its_own(standin: StandIn) -> None:
    def renewed(name: str) -> int:
        return sum(p.endswith("/renew") and f"/{name}:" in p for p in standin.paths("POST"))

    status = run(
        standin,
        """
        begun, over = os.pipe(), os.pipe()
        def wait(_event, context):
            os.write(begun[1], b"x")
            return os.read(over[0], 1)
        waiting = governed(wait)

        def fork(_event, _context):
            child = os.fork()
            if child:
                os.waitpid(child, 0)
            else:
                threading.Timer(0.5, lambda: os.write(over[1], b"x")).start()
                waiting({}, Context("child", 60000))
                os._exit(0)
        governed(fork)({}, Context("parent", 60000))
        """,
    )
    assert status == 0
    wait_until(lambda: all_given_back(standin), "every lease is given back")
    assert renewed("parent") >= 2, "the parent's thread goes on"
    assert renewed("child") >= 2, "the child has one of its own"


def test_a_child_of_the_handler_gives_nothing_back(standin: StandIn) -> None:
    """It comes out of the handler like its parent, whose lease that is."""
    status = run(
        standin,
        """
        child = governed(lambda event, context: os.fork())({}, Context("parent"))
        if child:
            assert os.waitpid(child, 0)[1] == 0
        """,
    )
    assert status == 0
    wait_until(lambda: all_given_back(standin), "the lease is given back, once")


def test_managed_instances(standin: StandIn) -> None:
    """Several processes, forked before the handler's module is imported, with several threads."""
    status = run(
        standin,
        """
        children = []
        for number in range(3):
            child = os.fork()
            if not child:
                handler = governed(lambda event, context: context.aws_request_id)
                together = threading.Barrier(4)
                def invocations(name):
                    together.wait()
                    for _ in range(10):
                        assert handler({}, Context(name)) == name
                names = [f"p{number}t{thread}" for thread in range(4)]
                threads = [threading.Thread(target=invocations, args=(name,)) for name in names]
                for thread in threads: thread.start()
                for thread in threads: thread.join()
                sys.exit()
            children.append(child)
        assert all(os.waitpid(child, 0)[1] == 0 for child in children)
        """,
    )
    assert status == 0
    wait_until(lambda: all_given_back(standin), "every lease is given back")
    assert len(standin.ids()) == len(set(standin.ids())) == 120
    assert len({r.connection for r in standin.requests}) <= 12, "one per thread at most"
    for process in range(3):
        own = {c for t in range(4) for c in connections(standin, f"p{process}t{t}")}
        others = {
            c for p in range(3) if p != process for t in range(4)
            for c in connections(standin, f"p{p}t{t}")
        }  # fmt: skip
        assert not own & others


def test_a_handler_that_exits_gives_its_lease_back(standin: StandIn) -> None:
    assert run(standin, 'governed(lambda *_: sys.exit(3))({}, Context("exits"))') == 3
    wait_until(lambda: all_given_back(standin), "the lease is given back")


def test_a_process_that_is_gone_keeps_its_lease_for_half_a_minute_at_most(standin: StandIn) -> None:
    program = 'governed(lambda *_: os._exit(4))({}, Context("gone", 900000))'
    assert run(standin, program) == 4
    (request,) = standin.requests
    assert request.body["ttl_ms"] == 30_000


def test_a_long_invocations_thread_does_not_keep_the_process(standin: StandIn) -> None:
    assert run(standin, 'governed(lambda *_: sys.exit(5))({}, Context("long", 900000))') == 5
    wait_until(lambda: all_given_back(standin), "the lease is given back")


def test_a_replay_is_an_invocation_of_its_own(standin: StandIn) -> None:
    """Durable functions are invoked again and again, perhaps under one request id."""
    at = desk(standin.url)
    leases = [lease(at.check_in({}, Context("replayed"))) for _ in range(3)]
    assert len(set(leases)) == 3
    for each in leases:
        at.check_out(each)
    wait_until(lambda: all_given_back(standin), "every replay's lease is given back")


def test_nothing_of_a_snapshot_is_used(standin: StandIn) -> None:
    status = run(
        standin,
        """
        handler = governed(lambda event, context: "ran")
        handler({}, Context("primed"))
        run_after_restore()
        handler({}, Context("restored"))
        """,
    )
    assert status == 0
    wait_until(lambda: all_given_back(standin), "every lease is given back")
    assert (connections(standin, "primed"), connections(standin, "restored")) == ({0}, {1})


def test_before_its_first_invocation_nobody_is_asked(standin: StandIn) -> None:
    assert run(standin, 'governed(lambda event, context: "ran")') == 0
    assert standin.requests == []


def test_a_restored_environment_asks_at_once(standin: StandIn) -> None:
    """While the snapshot was taken the governor could not be reached: that is nothing to go by."""

    def hangs_up_at_first(request: Request) -> bytes:
        if request.connection == 0:
            raise HangUpError
        return grants(request)

    standin.behaviour = hangs_up_at_first
    status = run(
        standin,
        """
        handler = governed(lambda event, context: "ran")
        handler({}, Context("primed"))
        handler({}, Context("paused"))
        run_after_restore()
        handler({}, Context("restored"))
        """,
    )
    assert status == 0
    assert connections(standin, "primed") == {0}
    assert connections(standin, "paused") == set()
    assert connections(standin, "restored") == {1}
