"""Whose check-ins a scope has denied, where a record says only how many."""

from governor.policy import parse_yaml
from governor.replay.denials import Denials
from governor.replay.form import Count, Line
from governor.replay.trace import Chapter, Flaws

CHAPTER = Chapter(
    parse_yaml("""
account: {max_concurrency: 10, headroom: 4}
groups: {etl: {max_concurrency: 5, members: {functions: [load]}}}
functions: {load: {priority: background}, copy: {priority: background}}
""")
)


def denied(*lines: Line) -> dict[str, int]:
    """How many of whom were denied in the last of `lines`."""
    denials = Denials(Flaws())
    *_, last = [denials.traffic(line, CHAPTER) for line in lines]
    return {name: traffic.denied for name, traffic in last.items() if traffic.denied}


def came(account: int, **scopes: Count) -> Line:
    """A line in which the account has that many in use."""
    return Line(0, {"account": Count(account)} | {f"function:{k}": v for k, v in scopes.items()})


def denying(scope: str, count: Count) -> Line:
    """A line in which `scope` denied."""
    return Line(0, {scope: count})


EVENLY = came(6, api=Count(2, 10), load=Count(2, 10), copy=Count(2, 30))


def test_a_function_knows_its_own() -> None:
    assert denied(came(1, load=Count(1, 1, 3))) == {"load": 3}


def test_a_headroom_denies_background_work_in_proportion() -> None:
    assert denied(EVENLY, denying("account", Count(6, 0, 8))) == {"load": 2, "copy": 6}


def test_a_full_scope_denies_all() -> None:
    assert denied(EVENLY, denying("account", Count(10, 0, 5))) == {"api": 1, "load": 1, "copy": 3}


def test_a_scope_that_looks_half_empty_was_full_for_the_first_to_be_denied() -> None:
    calm = came(0, api=Count(0, 10), load=Count(0, 10), copy=Count(0, 30))
    assert denied(calm, denying("account", Count(0, 0, 4))) == {"load": 1, "copy": 3}


def test_a_group_denies_its_members() -> None:
    assert denied(EVENLY, denying("group:etl", Count(5, 0, 4))) == {"load": 4}


def test_denials_that_fit_nobody_are_a_flaw() -> None:
    flaws = Flaws()
    assert Denials(flaws).traffic(denying("group:etl", Count(5, 0, 4)), CHAPTER) == {}
    assert flaws == {"denials by group:etl that fit no function, left out": 4}
