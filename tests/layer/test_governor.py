"""What a real governor's ledger makes of what the layer says."""

import json
import threading
import urllib.request
from pathlib import Path
from typing import Any

import pytest
from governor_layer.denial import ConcurrencyLimitExceeded
from governor_layer.invocation import Gate, entrance

from tests.layer.conftest import GovernorUrl
from tests.layer.desks import AMPLE_MS, Context
from tests.stores import wait_until

EVENTS = Path(__file__).parent / "events"


def gate(url: str, **variables: str) -> Gate:
    """The gate of a function governed at `url`."""
    given = {"GOVERNOR_URL": url, "AWS_LAMBDA_FUNCTION_NAME": "etl-load"}
    gate = entrance({**given, "GOVERNOR_TIMEOUT_MS": AMPLE_MS, **variables})
    assert gate is not None
    return gate


def event(name: str) -> Any:
    """A sample event."""
    return json.loads((EVENTS / f"{name}.json").read_text())


def scope(url: str) -> dict[str, Any]:
    """What the governor says of the function."""
    with urllib.request.urlopen(f"{url}/v1/status", timeout=20) as answer:  # noqa: S310 - our own
        scopes = json.load(answer)["scopes"]
    return next(scope for scope in scopes if scope["scope"] == "function:etl-load")


@pytest.fixture
def full(governor_url: GovernorUrl) -> str:
    """A governor that lets the function run for a last attempt only."""
    return governor_url({"functions": {"etl-load": {"max_concurrency": 0, "max_attempts": 5}}})


def test_an_asynchronous_event_waits_and_runs_as_an_overrun(full: str) -> None:
    at = gate(full, GOVERNOR_WAIT_MS="50")
    in_use = at.run(lambda *_: scope(full)["in_use"], event("s3"), Context(remaining_ms=60_000))
    assert in_use == 1, "it is counted while it runs"
    wait_until(lambda: scope(full)["in_use"] == 0, "and given back")
    counts = scope(full)
    assert (counts["denied"], counts["overruns"]) == (1, 1)


def test_an_asynchronous_event_that_gets_its_turn_is_no_overrun(governor_url: GovernorUrl) -> None:
    url = governor_url({"functions": {"etl-load": {"max_concurrency": 1}}})
    ends, began = threading.Event(), threading.Event()

    def hold(*_: object) -> None:
        began.set()
        ends.wait(20)

    def run_next() -> None:
        outcomes.append(gate(url).run(lambda *_: scope(url)["in_use"], event("s3"), long))

    outcomes: list[object] = []
    long = Context(remaining_ms=60_000)
    holder = threading.Thread(target=gate(url).run, args=(hold, {}, long))
    waiting = threading.Thread(target=run_next)
    holder.start()
    assert began.wait(20)
    waiting.start()
    ends.set()
    holder.join()
    waiting.join()
    assert outcomes == [1]
    assert (scope(url)["granted"], scope(url)["overruns"]) == (2, 0)


def test_a_message_is_not_denied_into_the_dead_letter_queue(full: str) -> None:
    at = gate(full)
    with pytest.raises(ConcurrencyLimitExceeded):
        at.run(lambda *_: "ran", event("sqs"), Context())
    assert at.run(lambda *_: "ran", event("sqs-last-attempt"), Context()) == "ran"
    wait_until(lambda: scope(full)["in_use"] == 0, "it is given back")
    assert scope(full)["overruns"] == 1
