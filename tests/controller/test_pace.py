"""When cycles are due, by a clock that the test turns."""

from governor.controller.pace import Due, Pace, Rhythm

PACE = Pace(every_s=10, urgent_s=2, look_s=0.5)


def begun(began_s: float, took_s: float) -> Rhythm:
    """A rhythm whose last cycle was then."""
    rhythm = Rhythm(PACE)
    rhythm.ran(began_s, began_s + took_s)
    return rhythm


def test_the_first_cycle_is_due_whatever_the_clock_says() -> None:
    assert [Rhythm(PACE).due(now_s) for now_s in (-5.0, 0.0, 1e9)] == [Due.NOW] * 3


def test_a_cycle_begins_so_early_that_it_ends_within_the_pace() -> None:
    rhythm = begun(100, took_s=0.8)
    times_s = (100.8, 100.99, 101.01, 108.99, 109.01)
    told = [Due.NOT_YET, Due.NOT_YET, Due.IF_URGENT, Due.IF_URGENT, Due.NOW]
    assert [rhythm.due(now_s) for now_s in times_s] == told


def test_one_that_takes_longer_than_the_pace_is_followed_by_the_next() -> None:
    rhythm = begun(100, took_s=12)
    assert rhythm.due(112) is Due.NOW
    assert rhythm.next_look_s(112) == 112.5


def test_who_sleeps_until_the_next_look_misses_no_moment() -> None:
    for began_s in (0.1, 1234.7, 1e9 / 3):
        rhythm = begun(began_s, took_s=0.3)
        now_s, told = began_s + 0.3, []
        while (due := rhythm.due(now_s)) is not Due.NOW:
            told.append(due)
            now_s, before_s = rhythm.next_look_s(now_s), now_s
            assert before_s < now_s <= before_s + PACE.look_s
        assert now_s == began_s + PACE.every_s - (began_s + 0.3 - began_s + 0.2)
        assert told.count(Due.NOT_YET) == 3
