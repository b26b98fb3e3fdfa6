"""One policy on single invocations: who runs, who waits, who is denied."""

from governor.policy import parse_yaml
from governor.replay.course import Event, Kind
from governor.replay.tally import WORST_MINUTES, Tally
from governor.replay.trace import Chapter
from governor.replay.trial import Trial

ONE = parse_yaml("{functions: {f: {max_concurrency: 1}}}")
HOUR_MS = 3_600_000


def tried(*visits: tuple[int, int], wait_ms: int = 0, there: int = 0) -> Tally:
    """What one at a time comes to, of `visits` that come and go, and some who are `there`."""
    trial = Trial("one", ONE, wait_ms)
    trial.begin(Chapter())
    events = [Event(0, -each, Kind.IS_THERE, "f", -each) for each in range(1, there + 1)]
    for serial, (comes_ms, goes_ms) in enumerate(visits):
        events.append(Event(comes_ms, 2 * serial, Kind.COMES, "f", serial))
        events.append(Event(goes_ms, 2 * serial + 1, Kind.GOES, "f", serial))
    for event in sorted(events):
        trial.take(event)
    trial.finish()
    return trial.tally


def test_who_finds_it_full_is_denied() -> None:
    tally = tried((0, 1000), (500, 1500), (1200, 1300))
    assert tally.denials == {("f", "function:f"): 1}
    assert tally.arrivals == {"f": 3}


def test_who_waited_runs_as_long_as_it_would_have() -> None:
    # The second runs from 1000 to 2000, the third from 2000 to 2100, the fourth then.
    tally = tried((0, 1000), (100, 1100), (1500, 1600), (2050, 2300), wait_ms=5000)
    assert (tally.waits.ran, tally.waits.total_ms) == (3, 900 + 500 + 50)
    assert (tally.waits.longest_ms, tally.denials) == (900, {})
    assert tally.peaks["function:f"] == 1


def test_who_waited_for_nothing_is_denied() -> None:
    tally = tried((0, 1000), (100, 1100), wait_ms=300)
    assert (tally.waits.ran, tally.waits.gave_up, tally.waits.total_ms) == (0, 1, 300)
    assert tally.denials == {("f", "function:f"): 1}


def test_a_long_invocation_keeps_its_place() -> None:
    assert tried((0, HOUR_MS // 4), (35_000, 36_000), (65_000, 66_000)).denials.total() == 2


def test_who_is_there_is_counted_whatever_the_limit() -> None:
    tally = tried((100, 200), there=2)
    assert (tally.peaks["function:f"], tally.denials.total()) == (2, 1)


def test_peaks_are_those_of_all_hours() -> None:
    trial = Trial("free", None)
    trial.begin(Chapter())
    for serial in range(3):
        trial.take(Event(serial, serial, Kind.COMES, "f", serial))
    for serial in range(3):
        trial.take(Event(10 + serial, 3 + serial, Kind.GOES, "f", serial))
    for hour in range(1, 5):
        trial.take(Event(hour * 2 * HOUR_MS, 100 * hour, Kind.COMES, "f", 100 * hour))
        trial.take(Event(hour * 2 * HOUR_MS + 1, 100 * hour + 1, Kind.GOES, "f", 100 * hour))
    trial.finish()
    assert trial.tally.peaks["function:f"] == 3


def test_the_worst_minutes_are_kept() -> None:
    tally = Tally("any")
    for minute in range(30):
        for _ in range(minute):
            tally.came("f", minute * 60_000)
            tally.denied("f", "account", minute * 60_000)
    worst = tally.worst()
    assert [each.denied for each in worst] == list(range(29, 29 - WORST_MINUTES, -1))
    assert worst[0].at_ms == 29 * 60_000
    assert worst[0].functions == {"f": 29}
