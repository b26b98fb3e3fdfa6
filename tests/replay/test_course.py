"""From steps to single invocations: whoever comes goes, and in_use is what was seen."""

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from governor.replay.course import Course, Event, Kind
from governor.replay.trace import Chapter, Step, Traffic

CHAPTER = Chapter()

looks = st.lists(
    st.tuples(st.integers(0, 20), st.integers(0, 5), st.integers(0, 25), st.booleans()),
    min_size=1,
    max_size=20,
)
"""granted, denied, in_use at the end, whether it is a gap."""


def steps_of(looks: list[tuple[int, int, int, bool]]) -> list[Step]:
    """Steps of a second with one function."""
    return [
        Step(
            second * 1000,
            second * 1000 + 1000,
            CHAPTER,
            {"f": Traffic(in_use=in_use) if gap else Traffic(granted, denied, in_use)},
            gap,
        )
        for second, (granted, denied, in_use, gap) in enumerate(looks)
    ]


@given(looks)
def test_events_are_in_order_and_nobody_goes_before_coming(
    looks: list[tuple[int, int, int, bool]],
) -> None:
    course, events = Course(), list[Event]()
    for step in steps_of(looks):
        now = course.events(step)
        assert all(step.start_ms <= event.at_ms <= step.end_ms for event in now)
        events += now
    assert events == sorted(events)
    here: set[int] = set()
    for event in events:
        if event.kind is Kind.GOES:
            here.remove(event.serial)
        else:
            assert event.serial not in here
            here.add(event.serial)


@given(looks)
def test_as_many_come_as_asked(looks: list[tuple[int, int, int, bool]]) -> None:
    course, came = Course(), Counter[Kind]()
    for step in steps_of(looks):
        came.update(event.kind for event in course.events(step))
    asked = sum(granted + denied for granted, denied, _, gap in looks if not gap)
    assert came[Kind.COMES] == asked


@pytest.mark.parametrize("per_s", [1, 7, 50])
@pytest.mark.parametrize("lasts_s", [1, 3, 10])
def test_durations_follow_from_what_was_seen(per_s: int, lasts_s: int) -> None:
    looks = [(per_s, 0, min(second + 1, lasts_s) * per_s, False) for second in range(60)]
    course, came, lasted = Course(), dict[int, int](), list[int]()
    for step in steps_of(looks):
        for event in course.events(step):
            if event.kind is Kind.COMES:
                came[event.serial] = event.at_ms
            else:
                lasted.append(event.at_ms - came[event.serial])
    assert sum(lasted) / len(lasted) == pytest.approx(lasts_s * 1000, abs=30)
    assert max(lasted) - min(lasted) <= 10


def test_after_a_gap_only_who_is_there_is_known() -> None:
    course = Course()
    gap = Step(0, 1000, CHAPTER, {"f": Traffic(in_use=2), "g": Traffic(in_use=1)}, gap=True)
    assert [(event.kind, event.function) for event in course.events(gap)] == [
        (Kind.IS_THERE, "f"),
        (Kind.IS_THERE, "f"),
        (Kind.IS_THERE, "g"),
    ]
    again = Step(9000, 9900, CHAPTER, {"f": Traffic(in_use=1)}, gap=True)
    events = course.events(again)
    assert Counter((event.kind, event.function) for event in events) == {
        (Kind.GOES, "f"): 1,
        (Kind.GOES, "g"): 1,
    }
