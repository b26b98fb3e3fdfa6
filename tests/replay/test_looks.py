"""Lines of a record: what changed from look to look."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from governor.replay.form import GAP_MS, Count, Line
from governor.replay.looks import Looks


def status(**scopes: tuple[int, int, int, int]) -> dict[str, Any]:
    """An answer of the API, as far as it is looked at."""
    return {
        "scopes": [
            {"scope": scope, "in_use": in_use, "granted": granted, "denied": denied,
             "shadow_denied": shadow_denied}
            for scope, (in_use, granted, denied, shadow_denied) in scopes.items()
        ]
    }  # fmt: skip


def test_the_first_look_is_a_gap_and_says_who_is_there() -> None:
    line = Looks().line(status(a=(2, 9, 9, 9), b=(0, 5, 0, 0)), 1000)
    assert line == Line(1000, {"a": Count(2)}, gap=True)


def test_only_what_changed_is_told() -> None:
    looks = Looks()
    looks.line(status(a=(2, 9, 9, 9), b=(0, 5, 0, 0), c=(1, 1, 0, 0)), 1000)
    line = looks.line(status(a=(1, 10, 11, 12), b=(0, 5, 0, 0)), 2000)
    assert line == Line(2000, {"a": Count(1, 1, 2, 3), "c": Count(0)})
    assert looks.line(status(a=(1, 10, 11, 12)), 3000) == Line(3000)


def test_a_total_that_went_down_began_anew() -> None:
    looks = Looks()
    looks.line(status(a=(2, 9, 9, 9)), 1000)
    assert looks.line(status(a=(1, 3, 0, 10)), 2000).scopes == {"a": Count(1, 3, 0, 1)}


def test_a_pause_is_a_gap_and_so_is_a_clock_that_runs_backwards() -> None:
    looks = Looks()
    looks.line(status(a=(1, 1, 0, 0)), 1000)
    assert not looks.line(status(a=(1, 2, 0, 0)), 1000 + GAP_MS).gap
    assert looks.line(status(a=(1, 9, 0, 0)), 2001 + 2 * GAP_MS).scopes == {"a": Count(1)}
    assert looks.line(status(a=(1, 9, 0, 0)), 10).gap


def test_the_first_line_of_a_file_says_how_all_stand() -> None:
    looks = Looks()
    looks.line(status(a=(2, 2, 0, 0), b=(3, 3, 0, 0)), 1000)
    line = looks.line(status(a=(2, 2, 0, 0), b=(4, 5, 0, 0)), 2000)
    assert looks.whole(line).scopes == {"a": Count(2), "b": Count(4, 2)}


scopes = st.dictionaries(
    st.sampled_from("abc"), st.tuples(*[st.integers(0, 5)] * 4), min_size=1, max_size=3
)


@given(st.lists(scopes, min_size=2, max_size=8))
def test_lines_add_up_to_the_totals(increments: list[dict[str, tuple[int, int, int, int]]]) -> None:
    looks, totals = Looks(), {name: [0, 0, 0, 0] for name in "abc"}
    looks.line(status(**dict.fromkeys("abc", (0, 0, 0, 0))), 0)
    summed = {name: [0, 0, 0, 0] for name in "abc"}
    for second, increment in enumerate(increments, 1):
        for name, (in_use, *more) in increment.items():
            old = totals[name]
            totals[name] = [in_use, *(a + b for a, b in zip(old[1:], more, strict=True))]
        now = {name: (each[0], each[1], each[2], each[3]) for name, each in totals.items()}
        for name, count in looks.line(status(**now), second * 1000).scopes.items():
            old = summed[name]
            summed[name] = [
                count.in_use,
                old[1] + count.granted,
                old[2] + count.denied,
                old[3] + count.shadow_denied,
            ]
    assert summed == totals
