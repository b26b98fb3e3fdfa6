"""A policy to read, and any number of them drawn at random."""

from collections.abc import Mapping
from typing import Any

from hypothesis import strategies as st

from governor.model import Mode, Priority
from governor.policy import (
    Account,
    Defaults,
    Function,
    Group,
    Members,
    Policy,
)

EXAMPLE = """\
account: {max_concurrency: 1000, headroom: 200}
defaults: {priority: user-facing}
groups:
  etl:       {max_concurrency: 100, members: {tags: {pipeline: etl}}}
  orders-db: {max_concurrency: 80, headroom: 20}
functions:
  orders-api: {priority: user-facing, groups: [orders-db]}
  etl-load:   {priority: background, max_concurrency: 60, groups: {orders-db: 2}}
"""

names = st.from_regex(r"[A-Za-z0-9_-]{1,12}", fullmatch=True)
texts = st.text(st.characters(categories=["L", "N", "P"]), max_size=9)
maxima = st.none() | st.integers(0, 1_000_000)
modes = st.sampled_from(Mode)


@st.composite
def limits(draw: st.DrawFn) -> dict[str, Any]:
    """Limits that fit each other."""
    most = draw(maxima)
    headroom = draw(st.integers(0, 1_000_000 if most is None else most))
    return {"max_concurrency": most, "headroom": headroom, "mode": draw(modes)}


@st.composite
def policies(draw: st.DrawFn) -> Policy:
    """Any policy that is in order."""
    members = st.none() | st.builds(
        Members,
        functions=st.lists(names.map("{}*".format), max_size=2).map(tuple),
        tags=st.dictionaries(texts.filter(bool), texts, max_size=2),
        stack=st.none() | st.just("prod-etl"),
    )
    groups = {
        name: Group(**draw(limits()), members=draw(members))
        for name in draw(st.lists(names, max_size=3, unique=True))
    }
    own: st.SearchStrategy[Mapping[str, int] | tuple[str, ...]] = st.just(())
    if groups:
        one = st.sampled_from(sorted(groups))
        own = st.lists(one, unique=True, max_size=3).map(tuple) | st.dictionaries(
            one, st.integers(1, 10_000), min_size=1, max_size=3
        )
    functions = st.builds(
        Function,
        max_concurrency=maxima,
        priority=st.none() | st.sampled_from(Priority),
        groups=own,
        mode=modes,
        max_attempts=st.none() | st.integers(1, 1000),
        shared=st.booleans(),
    )
    return Policy(
        account=Account(**draw(limits())),
        defaults=draw(st.builds(Defaults, priority=st.sampled_from(Priority))),
        groups=groups,
        functions=draw(st.dictionaries(names, functions, max_size=3)),
    )
