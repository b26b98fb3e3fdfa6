"""The table of cases in `cases/`: read, run, and held against what came of it.

It takes nothing but Python and the layer, so that any Python can use it.
"""

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from governor_layer.invocation import entrance

from tests.layer.desks import Context

EVENTS = Path(__file__).parent / "events"
RAN = {"ran": True}

Case = dict[str, Any]
Asked = tuple[str, str, dict[str, Any]]
"""A request: its method, path and body."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What has come of a case."""

    called: list[bool]
    """For each call of the handler, whether it was given the very event."""
    returned: object
    error: tuple[str, str] | None
    """The name of its class, and its message."""


def cases() -> dict[str, Case]:
    """Every case of every file, by the file's name and its own."""
    return {
        f"{path.stem}-{case['name']}": case
        for path in sorted((Path(__file__).parent / "cases").glob("*.json"))
        for case in json.loads(path.read_text())["cases"]
    }


def event_of(case: Case) -> Any:
    """The event: from a file, or as it stands."""
    event = case["event"]
    if isinstance(event, str) and event.endswith(".json"):
        return json.loads((EVENTS / event).read_text())
    return event


def environ_of(case: Case, url: str) -> dict[str, str]:
    """The function's variables."""
    given: dict[str, str | None] = {
        "AWS_LAMBDA_FUNCTION_NAME": "etl-load",
        "GOVERNOR_URL": url,
        "GOVERNOR_TIMEOUT_MS": "2000",
        **case.get("variables", {}),
    }
    return {name: value for name, value in given.items() if value is not None}


def run(
    handler: Any, event: object, context: Context, environ: dict[str, str]
) -> tuple[object, tuple[str, str] | None]:
    """What the layer returns and raises, from the moment when the runtime looks up the handler."""
    try:
        gate = entrance(environ)
        if gate is None:
            return handler(event, context), None
        return gate.run(handler, event, context), None
    except Exception as error:  # noqa: BLE001 - the cases say which it should be
        return None, (type(error).__name__, str(error))


def assert_came(outcome: Outcome, expect: dict[str, Any]) -> None:
    """It is what was to be expected."""
    assert outcome.called == [True] * expect["runs"]
    if expect["runs"]:
        assert (outcome.error, outcome.returned) == (None, RAN)
    elif "returns" in expect:
        assert (outcome.error, outcome.returned) == (None, expect["returns"])
    else:
        assert outcome.error is not None
        name, message = outcome.error
        assert name == expect.get("raises", "BadSettingError")
        assert message.startswith(expect["message" if "raises" in expect else "fails_at_init"])


def assert_asked(requests: list[Asked], expect: dict[str, Any]) -> None:
    """They are those that were to be expected, and all of them are about one lease."""
    ids = {body["id"] for _, _, body in requests if "id" in body}
    assert len(ids) == min(1, len(requests))
    assert all(re.fullmatch(r"c6af9ac6-7b61:[0-9a-f]{8}", id_) for id_ in ids)
    seen = []
    for method, path, whole in requests:
        to = f"{method} {path}"
        for id_ in ids:
            to = to.replace(id_, "{id}")
        body = {name: value for name, value in whole.items() if name != "id"}
        seen.append({"to": to, "body": body} if body else {"to": to})
    assert seen == expect["requests"]


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
