"""Reports stay small, and can always be read."""

import msgspec
import pytest

from governor.controller import journal
from governor.controller.actions import NonAction, Outcome, Result, Turn
from governor.controller.observed import EventSourceMapping, Knobs, Observed, Queue
from governor.controller.plan import Plan
from governor.controller.survey import Survey
from governor.policy import parse_yaml
from governor.report import (
    MOST_EVENTS,
    MOST_LISTED,
    MOST_MAPPINGS,
    Event,
    MappingReport,
    Report,
    read,
)
from governor.resolver import Resolver

RESOLVER = Resolver(parse_yaml("functions: {load: {priority: background}}"))


def mapping(number: int, function: str = "load", **knobs: int | bool | None) -> EventSourceMapping:
    """A mapping."""
    uuid = f"m-{number}"
    settings = msgspec.convert(knobs, Knobs)
    return EventSourceMapping(uuid, f"arn:{uuid}", function, "arn:q", settings)


def test_a_queue_s_depth_and_age_are_told() -> None:
    observed = Observed(0, None, (mapping(1),), {"arn:q": Queue("arn:q", 12, 3, oldest_age_s=70.0)})
    report = journal.surveyed(Report(), Survey(RESOLVER, observed, Plan()), "acting")
    assert report.mappings == (MappingReport("m-1", "load", None, 0, 12, 70.0),)


def test_what_happens_again_is_one_event() -> None:
    report = journal.noted(Report(), Event(1.0, "warning", "no answer"))
    report = journal.noted(report, Event(2.0, "leader", "one leads"))
    report = journal.noted(report, Event(3.0, "warning", "no answer"))
    assert report.events == (
        Event(2.0, "leader", "one leads"),
        Event(3.0, "warning", "no answer", times=2),
    )


def test_what_has_arrived_is_told_of_the_last_action_on_it() -> None:
    knobs = Knobs()
    turns = [Turn(name, f"arn:{name}", "load", knobs, knobs, knobs, "why") for name in ("m", "n")]
    report = Report()
    for at_s, turn in enumerate((turns[0], *turns)):
        report = journal.noted(report, journal.acted(at_s, turn))
    assert [each.times for each in report.events] == [2, 1], "two mappings of one function"
    report = journal.arrived(report, 9.0, "m")
    assert report.events == (
        Event(1, "action", "why", times=2, subject="m", arrived_s=9.0),
        Event(2, "action", "why", subject="n"),
    )
    again = journal.noted(report, journal.acted(10.0, turns[0]))
    assert again.events[-1] == Event(10.0, "action", "why", times=3, subject="m")
    assert journal.arrived(report, 10.0, "forgotten") == report


def test_events_and_lists_are_bounded() -> None:
    report = Report()
    for number in range(MOST_EVENTS + 10):
        report = journal.noted(report, Event(number, "action", f"number {number}"))
    assert [each.text for each in report.events][:2] == ["number 10", "number 11"]
    mappings = tuple(mapping(number) for number in range(MOST_MAPPINGS + 1))
    actions = tuple(
        Turn(each.uuid, each.arn, "load", each.knobs, each.knobs, each.knobs, "why")
        for each in mappings
    )
    plan = Plan(actions, tuple(NonAction(each.uuid, "why not") for each in mappings))
    report = journal.surveyed(report, Survey(RESOLVER, Observed(0, None, mappings), plan), "acting")
    report = journal.carried_out(report, [(each, Outcome(Result.DONE)) for each in actions])
    assert (len(report.mappings), len(report.events)) == (MOST_MAPPINGS, MOST_EVENTS)
    assert (len(report.actions), len(report.non_actions)) == (MOST_LISTED, MOST_LISTED)
    assert report.action_totals == {"turn": {"done": MOST_MAPPINGS + 1}}
    assert len(msgspec.json.encode(report)) < 150_000


def test_what_aws_may_run_of_a_mapping() -> None:
    mappings = (
        mapping(1),
        mapping(2, max_concurrency=7),
        mapping(3, max_concurrency=7, enabled=False),
        mapping(4, max_pollers=3),
        mapping(5, "user-facing"),
    )
    survey = Survey(RESOLVER, Observed(0, None, mappings), Plan())
    report = journal.surveyed(Report(), survey, "acting")
    assert report.mappings == (
        MappingReport("m-1", "load", None, 0),
        MappingReport("m-2", "load", 7, 0),
        MappingReport("m-3", "load", 0, 0),
        MappingReport("m-4", "load", 30, 0),
    )


def test_calls_are_counted_on() -> None:
    report = journal.called(Report(), {}, {("list", "ok"): 3})
    report = journal.called(report, {("list", "ok"): 3}, {("list", "ok"): 4, ("list", "denied"): 1})
    assert report.call_totals == {"list": {"ok": 4, "denied": 1}}


@pytest.mark.parametrize("document", [None, b"", b"nonsense", b'{"state": "of another release"}'])
def test_a_report_that_can_not_be_read_is_an_empty_one(document: bytes | None) -> None:
    assert read(document) == Report()
    assert read(msgspec.json.encode(Report(cycle_s=1))) == Report(cycle_s=1)
