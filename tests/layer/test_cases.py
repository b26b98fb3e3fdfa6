"""The table of cases that the layers for Python and for Node.js share (see cases/README.md)."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from governor_layer.invocation import entrance
from governor_layer.settings import BadSettingError

from tests.layer.desks import Context
from tests.layer.standin import StandIn, scripted
from tests.stores import wait_until

CASES = Path(__file__).parent / "cases"
EVENTS = Path(__file__).parent / "events"
RAN = {"ran": True}


def cases() -> Iterator[Any]:
    """Every case of every file."""
    for path in sorted(CASES.glob("*.json")):
        for case in json.loads(path.read_text())["cases"]:
            yield pytest.param(case, id=f"{path.stem}-{case['name']}")


def event_of(case: dict[str, Any]) -> Any:
    """The event: from a file, or as it stands."""
    event = case["event"]
    if isinstance(event, str) and event.endswith(".json"):
        return json.loads((EVENTS / event).read_text())
    return event


def environ_of(case: dict[str, Any], url: str) -> dict[str, str]:
    """The function's variables."""
    given: dict[str, str | None] = {
        "AWS_LAMBDA_FUNCTION_NAME": "etl-load",
        "GOVERNOR_URL": url,
        "GOVERNOR_TIMEOUT_MS": "2000",
        **case.get("variables", {}),
    }
    return {name: value for name, value in given.items() if value is not None}


@pytest.mark.parametrize("case", list(cases()))
def test_case(case: dict[str, Any], standin: StandIn, capsys: pytest.CaptureFixture[str]) -> None:
    expect = case["expect"]
    standin.behaviour = scripted(case.get("governor", []))
    event, called = event_of(case), []

    def handler(*given: object) -> object:
        called.append(given)
        return RAN

    context = Context(remaining_ms=case.get("remaining_ms", 10_000))
    error, returned = outcome(handler, event, context, environ_of(case, standin.url))

    assert [given[0] is event for given in called] == [True] * expect["runs"]
    if expect["runs"]:
        assert (error, returned) == (None, RAN)
    elif "returns" in expect:
        assert (error, returned) == (None, expect["returns"])
    elif "raises" in expect:
        assert type(error).__name__ == expect["raises"]
        assert str(error).startswith(expect["message"])
    else:
        assert isinstance(error, BadSettingError)
        assert str(error).startswith(expect["fails_at_init"])
    assert_asked(standin, expect["requests"])
    assert_logged(capsys.readouterr().out, expect)


def outcome(
    handler: Any, event: object, context: Context, environ: dict[str, str]
) -> tuple[Exception | None, object]:
    """What the layer raises or returns, from the moment when the runtime looks up the handler."""
    try:
        gate = entrance(environ)
        if gate is None:
            return None, handler(event, context)
        return None, gate.run(handler, event, context)
    except Exception as error:  # noqa: BLE001 - the cases say which it should be
        return error, None


def assert_asked(standin: StandIn, requests: list[dict[str, Any]]) -> None:
    """What the stand-in got is what was to be expected, and all of it is about one lease."""
    wait_until(lambda: len(standin.requests) >= len(requests), "every request arrives", 5)
    ids = set(standin.ids())
    assert len(ids) == min(1, len(requests))
    assert all(re.fullmatch(r"c6af9ac6-7b61:[0-9a-f]{8}", id_) for id_ in ids)
    seen = []
    for request in standin.requests:
        to = f"{request.method} {request.path}"
        for id_ in ids:
            to = to.replace(id_, "{id}")
        body = {name: value for name, value in request.body.items() if name != "id"}
        seen.append({"to": to, "body": body} if body else {"to": to})
    assert seen == requests


def assert_logged(output: str, expect: dict[str, Any]) -> None:
    """The lines are those that were to be expected."""
    lines = [json.loads(line) for line in output.splitlines()]
    metrics = [line for line in lines if "_aws" in line]
    assert [units(line) for line in metrics] == ([expect["metrics"]] if "metrics" in expect else [])
    journal = [line for line in lines if "_aws" not in line]
    assert len(journal) == len(expect.get("log", [])), journal
    for line, wanted in zip(journal, expect.get("log", []), strict=True):
        part = {"message": f"governor: {wanted}"} if isinstance(wanted, str) else wanted
        for name, value in part.items():
            if isinstance(value, str):
                assert line[name].startswith(value)
            else:
                assert line[name] == value


def units(line: dict[str, Any]) -> dict[str, str]:
    """An embedded-metric line's metrics, whose values it holds too."""
    (directive,) = line["_aws"]["CloudWatchMetrics"]
    assert (directive["Namespace"], directive["Dimensions"]) == ("Governor", [["FunctionName"]])
    assert line["FunctionName"] == "etl-load"
    assert isinstance(line["_aws"]["Timestamp"], int)
    metrics = {metric["Name"]: metric["Unit"] for metric in directive["Metrics"]}
    assert set(line) == {"_aws", "FunctionName", *metrics}
    assert all(line[name] >= 0 for name in metrics)
    assert all(line[name] == 1 for name in ("denied", "failed_open") if name in metrics)
    return metrics
