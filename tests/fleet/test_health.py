"""When functions do so much worse that a wave is put back."""

import pytest

from governor.fleet.health import Health, harm

FINE = Health(1000, 10, 100_000.0)


@pytest.mark.parametrize(
    ("after", "word"),
    [
        (Health(1000, 21, 100_000.0), "failed"),
        (Health(1000, 20, 100_000.0), ""),
        (Health(20, 1, 2_000.0), "failed"),
        (Health(19, 19, 1e9), ""),
        (Health(1000, 10, 200_001.0), "took 200 ms"),
        (Health(1000, 10, 200_000.0), ""),
        (Health(), ""),
    ],
)
def test_worse_is_more_than_chance(after: Health, word: str) -> None:
    assert bool(harm(FINE, after)) == bool(word)
    assert word in harm(FINE, after)


def test_new_functions_have_nothing_to_be_slower_than() -> None:
    assert not harm(Health(19, 0, 19.0), Health(1000, 10, 1e9))
    assert "0.0% of 0 before" in harm(Health(), Health(1000, 11, 0.0))


def test_who_failed_often_may_go_on_failing() -> None:
    assert not harm(Health(1000, 400, 1.0), Health(1000, 800, 1.0))
    assert harm(Health(1000, 400, 1.0), Health(1000, 801, 1.0))
