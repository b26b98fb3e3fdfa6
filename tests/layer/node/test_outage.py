"""What a governor costs that does not answer, and https."""

import json
import threading
from pathlib import Path

import pytest

from tests.layer.behaviour import HangUpError, Request, grants, http
from tests.layer.node.child import Child, RaisedError
from tests.layer.node.desks import BUSY, Desk, environ, later
from tests.layer.standin import StandIn
from tests.layer.table import event_of
from tests.stores import wait_until


def test_silence_ends_with_the_budget_and_the_connection(child: Child, standin: StandIn) -> None:
    over = threading.Event()
    hung_up: list[bytes] = []

    def silent(request: Request) -> bytes:
        hung_up.append(request.peer.recv(1))
        over.set()
        raise HangUpError

    standin.behaviour = silent
    at = Desk(child, standin.url, GOVERNOR_TIMEOUT_MS="50")
    with pytest.raises(RaisedError, match="timed out"):
        at.check_in()
    assert over.wait(20)
    assert hung_up == [b""], "so the service knows that nobody wants the lease any more"
    with pytest.raises(RaisedError, match="not asked again within 5 s: timed out"):
        at.check_in()
    assert len(standin.requests) == 1


def test_the_breaker_closes_with_an_answer(child: Child, standin: StandIn) -> None:
    def hangs_up(_request: Request) -> bytes:
        raise HangUpError

    standin.behaviour = hangs_up
    at = Desk(child, standin.url)
    child.logged()
    with pytest.raises(RaisedError):
        at.check_in()
    standin.behaviour = grants
    with later(child, 5000):
        assert at.check_in()
    opened, closed = [json.loads(line) for line in child.logged().splitlines()]
    assert (opened["message"], opened["pause_s"]) == ("governor: breaker opened", 5)
    assert closed == {"level": "INFO", "message": "governor: breaker closed"}


def test_after_a_pause_one_finds_out(child: Child, standin: StandIn) -> None:
    let_go = threading.Event()

    def silent(_request: Request) -> bytes:
        let_go.wait(20)
        raise HangUpError

    standin.behaviour = silent
    at = Desk(child, standin.url, GOVERNOR_TIMEOUT_MS="50")
    with pytest.raises(RaisedError, match="timed out"):
        at.check_in()
    with later(child, 5000):
        reasons = child.run(
            "const all = [1, 2, 3].map(() => kept.desk.checkIn({}, contextOf()));"
            "return (await Promise.allSettled(all)).map(({ reason }) => reason.message);"
        )
    let_go.set()
    assert sorted(reasons) == ["not asked again within 5 s: timed out"] * 2 + ["timed out"]
    assert len(standin.requests) == 2


def test_a_clock_that_is_set_back_prolongs_no_pause(child: Child, standin: StandIn) -> None:
    def hangs_up(_request: Request) -> bytes:
        raise HangUpError

    standin.behaviour = hangs_up
    at = Desk(child, standin.url)
    with pytest.raises(RaisedError):
        at.check_in()
    standin.behaviour = grants
    with later(child, -3_600_000):
        assert at.check_in()


def test_a_failure_is_logged_once_until_it_ends(child: Child, standin: StandIn) -> None:
    standin.behaviour = lambda _request: http(503)
    at = Desk(child, standin.url)
    child.logged()
    for _ in range(3):
        with pytest.raises(RaisedError, match="503"):
            at.check_in()
    (line,) = child.logged().splitlines()
    assert (json.loads(line)["message"], json.loads(line)["pause_s"]) == (
        "governor: breaker opened",
        0,
    )


def test_an_unexpected_answer_that_took_long_pauses(child: Child, standin: StandIn) -> None:
    standin.behaviour = lambda _request: http(503)
    at = Desk(child, standin.url, GOVERNOR_TIMEOUT_MS="20000")
    with pytest.raises(RaisedError, match="503"):
        child.run(
            "const asked = kept.desk.checkIn({}, contextOf()); const now = performance.now;"
            "performance.now = () => now.call(performance) + 5001;"
            "try { await asked; } finally { performance.now = now; }"
        )
    with pytest.raises(RaisedError, match="not asked again within 5 s: the governor answered 503"):
        at.check_in()


def test_an_error_of_the_context_pauses_nothing(child: Child, standin: StandIn) -> None:
    at = Desk(child, standin.url)
    with pytest.raises(RaisedError, match="no such id"):
        child.run(
            "const context = { get awsRequestId() { throw new Error('no such id'); } };"
            "await kept.desk.checkIn({}, context);"
        )
    assert at.check_in() == standin.ids()[0]


@pytest.mark.parametrize(
    ("event", "outcome"), [("http-api-v2.json", "answer"), ("sqs.json", "raise")]
)
def test_what_can_not_be_counted_does_not_run(
    child: Child, standin: StandIn, event: str, outcome: str
) -> None:
    standin.behaviour = lambda _request: http(503)
    variables = {"GOVERNOR_ON_DENIED": "run", "GOVERNOR_FAIL": "closed"}
    child.logged()
    came = child.run(
        "return await outcomeOf(given);",
        name="",
        event=event_of({"event": event}),
        environ=environ(standin.url, **variables),
    )
    assert came["given"] == []
    assert ("returned" in came) == (outcome == "answer")
    assert json.loads(child.logged().splitlines()[-1])["outcome"] == outcome


def test_a_busy_process_still_finds_the_answer(
    child: Child, standin: StandIn, tmp_path: Path
) -> None:
    asked, busy, late = (tmp_path / name for name in ("asked", "busy", "late"))

    def answers(request: Request) -> bytes:
        if len(standin.requests) == 2:
            asked.touch()
            wait_until(busy.exists, "the child is busy")
            request.peer.sendall(grants(request))
            late.touch()
            return b""
        return grants(request)

    standin.behaviour = answers
    at = Desk(child, standin.url, GOVERNOR_TIMEOUT_MS="1000")
    at.check_in()
    child.start(
        "const { existsSync, writeFileSync } = require('node:fs');"
        "const checkedIn = kept.desk.checkIn({}, contextOf()); const began = performance.now();"
        "while (!existsSync(given.asked)) await new Promise((turned) => setImmediate(turned));"
        "writeFileSync(given.busy, '');"
        f"{BUSY} while (performance.now() < began + 1000);"
        "return await checkedIn;",
        asked=str(asked),
        busy=str(busy),
        until=str(late),
    )
    assert child.result() == standin.ids()[1]


def test_a_name_is_looked_up(child: Child, standin: StandIn) -> None:
    at = Desk(child, standin.url.replace("127.0.0.1", "localhost"))
    assert at.check_in() == standin.ids()[0]


def test_https_to_a_trusted_governor(node: Path, encrypted: StandIn, certificate: Path) -> None:
    authority = str(certificate.with_name("public.pem"))
    with Child(node, NODE_EXTRA_CA_CERTS=authority) as trusting:
        at = Desk(trusting, encrypted.url)
        assert [at.check_out(at.check_in()) for _ in range(3)] == [True] * 3
        wait_until(lambda: len(encrypted.paths("DELETE")) == 3, "every lease is given back")
    assert {request.connection for request in encrypted.requests} == {0}


def test_https_to_an_impostor(child: Child, encrypted: StandIn) -> None:
    with pytest.raises(RaisedError, match="self-signed certificate"):
        Desk(child, encrypted.url).check_in()
    assert encrypted.requests == []
