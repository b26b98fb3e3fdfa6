"""Where a key of a TOML document stands."""

import pytest

from governor.simulate.lines import line_of

TEXT = """\
# rate = 1: said of nothing
title = "rate = 3 is not a key"
length_s = 60

[account]
limit = 10  # rate

[functions.api]
arrivals = [
    { kind = "poisson", rate = 1 },

    { kind = "poisson", rate = 2 },
]
duration.ms = 5

[functions.api.source]
kind = "api"

[functions."rate"]
rate = 7
"""


@pytest.mark.parametrize(
    ("path", "line"),
    [
        ("length_s", 3),
        ("account.limit", 6),
        ("functions.api.arrivals[0].rate", 10),
        ("functions.api.arrivals[1].rate", 12),
        ("functions.api.duration.ms", 14),
        ("functions.api.source.kind", 17),
        ("functions.rate.rate", 20),
        ("functions.api.arrivals", 9),
        ("functions.api.arrivals[1].missing", 9),
        ("functions.api", 8),
        ("functions.api.timeout_s", 8),
        ("account.wrong", 5),
        ("nothing.of.it", None),
        ("", None),
    ],
)
def test_the_line_that_gives_a_key_its_value(path: str, line: int | None) -> None:
    assert line_of(TEXT, path) == line
