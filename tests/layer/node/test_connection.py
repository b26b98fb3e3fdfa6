"""The connection to the governor: what goes over it, how it dies and is replaced."""

import threading
from pathlib import Path

import pytest

from tests.layer import misbehaviour
from tests.layer.behaviour import Behaviour, HangUpError, Request, grants, http
from tests.layer.node.child import Child, RaisedError
from tests.layer.node.desks import BUSY, DESK, Desk, environ, later
from tests.layer.standin import StandIn, unacknowledged
from tests.stores import wait_until


def test_a_check_in_says_who_asks(child: Child, standin: StandIn) -> None:
    secret = "s3cret"
    granted = Desk(child, standin.url + "/base", GOVERNOR_TOKEN=secret).check_in()
    (request,) = standin.requests
    assert (request.method, request.path) == ("POST", "/base/v1/leases")
    assert request.body == {"id": granted, "function": "etl-load", "ttl_ms": 5000}
    assert request.headers["authorization"] == f"Bearer {secret}"
    assert request.headers["host"] == standin.url.removeprefix("http://")


@pytest.mark.parametrize("request_id", ["a b/c\r\nd?é", "x" * 500, ""])
def test_lease_ids_are_fit_for_a_path(child: Child, standin: StandIn, request_id: str) -> None:
    granted = Desk(child, standin.url).check_in(request_id=request_id)
    assert len(granted) <= 128
    assert all(c.isascii() and (c.isalnum() or c in "._-:") for c in granted)


def test_check_ins_share_a_connection(child: Child, standin: StandIn) -> None:
    at = Desk(child, standin.url)
    assert [at.check_out(at.check_in()) for _ in range(3)] == [True] * 3
    at.check_in()
    assert [r.method for r in standin.requests] == ["POST", "DELETE"] * 3 + ["POST"]
    assert {request.connection for request in standin.requests} == {0}
    assert standin.paths("DELETE") == [f"/v1/leases/{id_}" for id_ in standin.ids()[:3]]
    assert len(set(standin.ids())) == 4


def test_concurrent_check_ins_have_connections_of_their_own(child: Child, standin: StandIn) -> None:
    together = threading.Barrier(3)

    def waits_for_all(request: Request) -> bytes:
        if request.method == "POST":
            together.wait(20)
        return grants(request)

    standin.behaviour = waits_for_all
    child.run(DESK, environ=environ(standin.url))
    for _ in range(2):
        ids = child.run(
            "const all = [1, 2, 3].map(() => kept.desk.checkIn({}, contextOf()));"
            "const ids = await Promise.all(all); ids.forEach((id) => kept.desk.checkOut(id));"
            "return ids;"
        )
        assert len(set(ids)) == 3
    wait_until(lambda: len(standin.paths("DELETE")) == 6, "every lease is given back")
    assert {request.connection for request in standin.requests} == {0, 1, 2}


def test_a_check_out_is_not_waited_for(child: Child, standin: StandIn) -> None:
    answering = threading.Event()

    def slow_to_release(request: Request) -> bytes:
        if request.method == "DELETE":
            answering.wait(20)
        return grants(request)

    standin.behaviour = slow_to_release
    at = Desk(child, standin.url)
    assert at.check_out(at.check_in())
    assert not answering.is_set()
    wait_until(lambda: standin.paths("DELETE") != [], "the check-out arrives")
    answering.set()
    assert at.check_in() == standin.ids()[1]
    assert {request.connection for request in standin.requests} == {0}


def test_an_idle_connection_that_died_is_replaced(child: Child, standin: StandIn) -> None:
    at = Desk(child, standin.url)
    for _ in range(3):
        at.check_in()
        standin.drop_connections()
    assert [request.connection for request in standin.requests] == [0, 1, 2]


def test_a_connection_that_dies_while_asking_is_replaced_once(
    child: Child, standin: StandIn
) -> None:
    def hangs_up_on_old(request: Request) -> bytes:
        if request.connection == 0 and len(standin.requests) > 1:
            raise HangUpError
        return grants(request)

    standin.behaviour = hangs_up_on_old
    at = Desk(child, standin.url)
    at.check_in()
    granted = at.check_in()
    assert [(request.method, request.connection) for request in standin.requests] == [
        *[("POST", 0), ("POST", 0)],
        *[("DELETE", 1), ("POST", 1)],
    ]
    # The try that got no answer may have been granted, and the next one must not be denied by it.
    assert granted == standin.ids()[2] != standin.ids()[1]
    assert standin.paths("DELETE") == [f"/v1/leases/{standin.ids()[1]}"]


def test_a_new_connection_that_dies_is_not_tried_again(child: Child, standin: StandIn) -> None:
    def hangs_up(_request: Request) -> bytes:
        raise HangUpError

    standin.behaviour = hangs_up
    with pytest.raises(RaisedError, match=r"closed without an answer|ECONNRESET"):
        Desk(child, standin.url).check_in()
    assert len(standin.requests) == 1


@pytest.mark.parametrize("lost", ["silence", "hang-up", "garbage"])
def test_a_check_in_whose_answer_is_lost_is_taken_back(
    child: Child, standin: StandIn, lost: str
) -> None:
    def loses(_request: Request) -> bytes:
        if lost == "hang-up":
            raise HangUpError
        return b"" if lost == "silence" else b"garbage\r\n\r\n"

    standin.behaviour = loses
    at = Desk(child, standin.url, GOVERNOR_TIMEOUT_MS="500")
    with pytest.raises(RaisedError):
        at.check_in()
    standin.behaviour = grants
    with later(child, 5000):
        at.check_in()
    assert [(request.method, request.connection) for request in standin.requests] == [
        ("POST", 0),
        *[("DELETE", 1), ("POST", 1)],
    ]
    assert standin.paths("DELETE") == [f"/v1/leases/{standin.ids()[0]}"]


def test_what_is_to_be_told_has_a_bound(child: Child, standin: StandIn) -> None:
    standin.behaviour = lambda _request: b"garbage\r\n\r\n"
    child.run(DESK, environ=environ(standin.url))
    child.run(
        "for (let n = 0; n < 103; n += 1)"
        "  await kept.desk.checkIn({}, contextOf()).catch(() => undefined);"
    )
    standin.behaviour = grants
    granted = child.run("return await kept.desk.checkIn({}, contextOf())")
    assert standin.methods(granted) == [*["DELETE"] * 100, "POST"]


def test_a_service_that_closes_after_each_answer(child: Child, standin: StandIn) -> None:
    def once(request: Request) -> bytes:
        body = {"id": request.body.get("id")}
        return http(201 if body["id"] else 204, body if body["id"] else None, Connection="close")

    standin.behaviour = once
    at = Desk(child, standin.url)
    first = at.check_in()
    assert not at.check_out(first), "it takes a new connection"
    wait_until(lambda: standin.paths("DELETE") == [f"/v1/leases/{first}"], "the check-out")
    assert at.check_in() == standin.ids()[-1]


@pytest.mark.parametrize(
    "behaviour",
    [misbehaviour.closes_silently, misbehaviour.closes_as_told],
    ids=["silently", "as told"],
)
def test_connections_that_end_with_every_answer_cost_no_check_in(
    child: Child, standin: StandIn, behaviour: Behaviour
) -> None:
    standin.behaviour = behaviour
    at = Desk(child, standin.url)
    child.logged()
    for _ in range(30):
        at.check_out(at.check_in())
    assert child.logged() == ""


def test_a_repeated_check_out_may_end_the_connection(child: Child, standin: StandIn) -> None:
    def loses_a_check_out(request: Request) -> bytes:
        if request.connection > 0:
            return misbehaviour.closes_silently(request)
        if request.method == "DELETE":
            raise HangUpError
        return grants(request)

    standin.behaviour = loses_a_check_out
    at = Desk(child, standin.url)
    first = at.check_in()
    at.check_out(first)
    wait_until(lambda: len(standin.requests) == 2, "the first check-out")
    assert at.check_in() == standin.ids()[-1]
    assert standin.paths("DELETE") == [f"/v1/leases/{first}"] * 2


def test_a_check_out_without_answer_is_repeated(child: Child, standin: StandIn) -> None:
    def loses_check_outs(request: Request) -> bytes:
        if request.method == "DELETE" and request.connection == 0:
            raise HangUpError
        return grants(request)

    standin.behaviour = loses_check_outs
    at = Desk(child, standin.url)
    granted = at.check_in()
    at.check_out(granted)
    wait_until(lambda: len(standin.requests) == 2, "the first check-out")
    at.check_in()
    assert (f"/v1/leases/{granted}", 1) in [(r.path, r.connection) for r in standin.requests]
    at.check_in()
    assert len(standin.paths("DELETE")) == 2, "once answered it is done"


def test_a_check_out_that_nobody_would_hear_is_kept(child: Child, standin: StandIn) -> None:
    def hangs_up(_request: Request) -> bytes:
        raise HangUpError

    at = Desk(child, standin.url)
    granted = at.check_in()
    standin.behaviour = hangs_up
    with pytest.raises(RaisedError):
        at.check_in()
    assert at.check_out(granted), "nobody is waited for while the breaker is open"
    standin.behaviour = grants
    with later(child, 5000):
        at.check_in()
    told = [(request.method, request.connection) for request in standin.requests][-2:]
    assert told == [("DELETE", standin.requests[-1].connection), ("POST", told[1][1])]
    assert standin.paths("DELETE")[-1] == f"/v1/leases/{granted}"


def test_a_long_idle_connection_is_not_used_again(child: Child, standin: StandIn) -> None:
    at = Desk(child, standin.url)
    at.check_in()
    with later(child, 60_000):
        at.check_in()
    assert [request.connection for request in standin.requests] == [0, 1]


def test_bytes_that_nobody_asked_for_end_the_connection(child: Child, standin: StandIn) -> None:
    standin.behaviour = lambda request: grants(request) + http(408)
    at = Desk(child, standin.url)
    for _ in range(2):
        assert at.check_in() == standin.ids()[-1]
    assert [request.connection for request in standin.requests] == [0, 1]


def test_a_farewell_to_an_idle_connection_is_no_answer(
    child: Child, standin: StandIn, tmp_path: Path
) -> None:
    at = Desk(child, standin.url)
    at.check_in()
    peer = standin.requests[0].peer
    # The event loop can't see it before the next check-in begins, as in a freeze.
    seen = tmp_path / "seen"
    child.start(f"{BUSY} return await kept.desk.checkIn({{}}, contextOf());", until=str(seen))
    peer.sendall(http(408))
    wait_until(lambda: unacknowledged(peer) == 0, "the farewell has arrived")
    seen.touch()
    assert child.result() == standin.ids()[1]
    assert [request.connection for request in standin.requests] == [0, 1]


def test_an_answer_may_come_in_pieces(child: Child, standin: StandIn) -> None:
    standin.behaviour = misbehaviour.grants_byte_by_byte
    assert Desk(child, standin.url).check_in()


@pytest.mark.parametrize("garbage", misbehaviour.GARBAGE)
def test_an_answer_that_makes_no_sense_is_none(
    child: Child, standin: StandIn, garbage: str
) -> None:
    standin.behaviour = misbehaviour.GARBAGE[garbage]
    at = Desk(child, standin.url)
    with pytest.raises(RaisedError):
        at.check_in()
    # It came at once, so that there is nothing to be saved by not asking.
    standin.behaviour = grants
    assert at.check_in() == standin.ids()[-1]
