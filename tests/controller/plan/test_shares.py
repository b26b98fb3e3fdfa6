"""Weighted max-min fairness under several constraints."""

from fractions import Fraction
from random import Random
from typing import TypedDict, Unpack

import pytest
from hypothesis import given
from hypothesis import strategies as st

from governor.controller.plan.shares import Claimant, Shares, distribute


class More(TypedDict, total=False):
    """What a claimant may have besides."""

    share: int
    may_pause: bool


def claim(
    id_: str, reach: int, need: int | None = None, *, group: str = "", **more: Unpack[More]
) -> Claimant:
    """A claimant under the account and, if named, a group, with a floor of 2."""
    parts = (("account", 1), *(((group, 1),) if group else ()))
    return Claimant(id_, 2, reach if need is None else need, reach, parts=parts, **more)


def test_without_scarcity_everybody_gets_all_it_can_use() -> None:
    shares = distribute([claim("a", 30), claim("b", 1)], {"account": 32})
    assert shares == Shares({"a": 30, "b": 2})


def test_equals_get_the_same() -> None:
    shares = distribute([claim("a", 90), claim("b", 80)], {"account": 60})
    assert shares.units == {"a": 30, "b": 30}
    assert shares.bound_by == {"a": "account", "b": "account"}


def test_what_one_cannot_use_is_the_others() -> None:
    shares = distribute([claim("a", 90), claim("b", 10), claim("c", 90)], {"account": 60})
    assert shares.units == {"a": 25, "b": 10, "c": 25}
    assert set(shares.bound_by) == {"a", "c"}


def test_shares_are_weights() -> None:
    shares = distribute([claim("a", 90, share=3), claim("b", 90)], {"account": 60})
    assert shares.units == {"a": 45, "b": 15}


def test_a_group_binds_before_the_account() -> None:
    claimants = [
        Claimant("a", 2, 90, 90, parts=(("group:db", 5), ("account", 1))),
        Claimant("b", 2, 90, 90, parts=(("account", 1),)),
    ]
    shares = distribute(claimants, {"account": 60, "group:db": 54})
    assert shares.units == {"a": 10, "b": 50}
    assert shares.bound_by == {"a": "group:db", "b": "account"}


def test_needs_go_before_wishes() -> None:
    shares = distribute([claim("a", 90, need=5), claim("b", 90, need=40)], {"account": 60})
    assert shares.units == {"a": 20, "b": 40}


def test_floors_stand_even_where_they_do_not_fit() -> None:
    shares = distribute([claim("a", 9), claim("b", 9)], {"account": 1})
    assert shares.units == {"a": 2, "b": 2}


def test_the_smallest_share_is_paused_first_and_only_as_many_as_must_be() -> None:
    claimants = [
        claim("a", 9, may_pause=True, share=3),
        claim("b", 9, may_pause=True, share=1),
        claim("c", 9, may_pause=True, share=2),
        claim("d", 9),
    ]
    assert distribute(claimants, {"account": 8}).paused == frozenset()
    assert distribute(claimants, {"account": 7}).paused == {"b"}
    assert distribute(claimants, {"account": 4}).paused == {"b", "c"}
    shares = distribute(claimants, {"account": 0})
    assert shares.paused == {"a", "b", "c"}
    assert shares.units == {"a": 0, "b": 0, "c": 0, "d": 2}


def test_nobody_gets_more_than_the_floor_while_somebody_is_paused() -> None:
    claimants = [claim("a", 9), claim("b", 9, may_pause=True)]
    assert distribute(claimants, {"account": 3}).units == {"a": 2, "b": 0}
    assert distribute(claimants, {"account": 4}).units == {"a": 2, "b": 2}


def test_a_pause_for_a_group_leaves_others_alone() -> None:
    claimants = [claim("a", 50, group="group:db", may_pause=True), claim("b", 50)]
    shares = distribute(claimants, {"account": 60, "group:db": 1})
    assert shares.units == {"a": 0, "b": 50}
    assert shares.bound_by == {"a": "group:db"}


# ------------------------------------------------------------------------------- properties

CONSTRAINTS = ("account", "group:a", "group:b", "function:c")


@st.composite
def claimants_of(draw: st.DrawFn) -> list[Claimant]:
    found = []
    for number in range(draw(st.integers(0, 9))):
        reach = draw(st.integers(1, 60))
        others = draw(st.sets(st.sampled_from(CONSTRAINTS[1:]), max_size=2))
        found.append(
            Claimant(
                id=f"c{number}",
                floor=2,
                need=draw(st.integers(1, reach)),
                reach=reach,
                share=draw(st.integers(1, 5)),
                may_pause=draw(st.booleans()),
                parts=(
                    ("account", 1),
                    *((name, draw(st.integers(1, 4))) for name in sorted(others)),
                ),
            )
        )
    return found


limits_of = st.fixed_dictionaries(
    {"account": st.integers(-5, 250)},
    optional={name: st.integers(-5, 120) for name in CONSTRAINTS[1:]},
)


@given(claimants_of(), limits_of)
def test_no_constraint_is_exceeded_by_more_than_the_floors(
    claimants: list[Claimant], limits: dict[str, int]
) -> None:
    shares = distribute(claimants, limits)
    for name, limit in limits.items():
        members = [(each, dict(each.parts)[name]) for each in claimants if name in dict(each.parts)]
        used = sum(weight * shares.units[each.id] for each, weight in members)
        floors = sum(weight * min(each.floor, shares.units[each.id]) for each, weight in members)
        assert used <= max(limit, floors)


@given(claimants_of(), limits_of)
def test_nobody_gets_more_than_it_can_use_or_less_without_a_reason(
    claimants: list[Claimant], limits: dict[str, int]
) -> None:
    shares = distribute(claimants, limits)
    for each in claimants:
        units = shares.units[each.id]
        assert units <= each.most
        assert (units < each.reach) == (each.id in shares.bound_by) or units == each.floor
        assert units >= each.floor or each.id in shares.paused


@given(claimants_of(), limits_of)
def test_who_could_have_more_has_as_much_for_its_share_as_those_with_whom_it_competes(
    claimants: list[Claimant], limits: dict[str, int]
) -> None:
    """A unit more for one could only be one of others that have less for their share."""
    shares = distribute(claimants, limits)
    for each in claimants:
        bound_by = shares.bound_by.get(each.id)
        if bound_by is None or each.id in shares.paused:
            continue
        mine = shares.units[each.id]
        wanted = (mine >= each.need, Fraction(mine + 1, each.share))
        weight = dict(each.parts)[bound_by]
        for other in claimants:
            theirs = shares.units[other.id]
            gives_enough = dict(other.parts).get(bound_by, 0) >= weight
            if gives_enough and theirs > other.floor:
                assert (theirs - 1 >= other.need, Fraction(theirs, other.share)) <= wanted


@given(claimants_of(), limits_of, st.integers(1, 20))
def test_more_for_the_account_is_less_for_nobody(
    claimants: list[Claimant], limits: dict[str, int], more: int
) -> None:
    before = distribute(claimants, limits).units
    after = distribute(claimants, {**limits, "account": limits["account"] + more}).units
    assert all(after[id_] >= units for id_, units in before.items())


@given(claimants_of(), limits_of, st.randoms(use_true_random=False))
def test_the_order_of_claimants_has_no_influence(
    claimants: list[Claimant], limits: dict[str, int], chance: Random
) -> None:
    shuffled = sorted(claimants, key=lambda _: chance.random())
    assert distribute(shuffled, limits) == distribute(claimants, limits)


@pytest.mark.parametrize("names", ["abc", "cba", "bca"])
def test_names_decide_only_between_equals(names: str) -> None:
    reaches = (20, 30, 30)
    claimants = [claim(name, reach) for name, reach in zip(names, reaches, strict=True)]
    shares = distribute(claimants, {"account": 50})
    got = sorted((reach, shares.units[name]) for name, reach in zip(names, reaches, strict=True))
    assert got == [(20, 16), (30, 17), (30, 17)]
