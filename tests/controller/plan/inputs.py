"""What planning may be given: fleets that make sense, and observations that need not."""

from hypothesis import strategies as st

from governor.controller.memory import (
    NO_RESERVATION,
    Asked,
    Braked,
    Highest,
    Memory,
    Turned,
)
from governor.controller.observed import (
    AccountFacts,
    EventSourceMapping,
    FunctionFacts,
    Knobs,
    Observed,
    Queue,
    QuotaRequest,
)
from governor.model import Mode, Priority, ScopeCount
from governor.policy import Account, Function, Group, Policy, Raise
from tests.controller.worlds import World, background, policy

NAMES = ["a", "b", "c", "d", "e"]


@st.composite
def worlds(draw: st.DrawFn, *, pauses: bool = True) -> World:
    """A world with background functions in groups, and bursts in some of their queues."""
    names = NAMES[: draw(st.integers(1, len(NAMES)))]
    groups = {
        name: Group(max_concurrency=draw(st.integers(0, 200)), headroom=0) for name in ("g", "h")
    }
    functions = {
        name: background(
            draw(st.none() | st.integers(0, 300)),
            groups=draw(st.dictionaries(st.sampled_from(["g", "h"]), st.integers(1, 5))),
            share=draw(st.integers(1, 5)),
            allow_pause=pauses and draw(st.booleans()),
            max_batch_size=draw(st.none() | st.integers(1, 200)),
        )
        for name in names
    }
    return World(
        policy(functions, groups=groups),
        backlog={name: draw(st.integers(0, 8000)) for name in names},
        in_use={"api": draw(st.integers(0, 1000))},
        knobs={
            name: Knobs(max_concurrency=draw(st.none() | st.integers(2, 1000))) for name in names
        },
        duration_s={name: draw(st.floats(0.01, 90)) for name in names},
        ungoverned=draw(st.integers(0, 100)),
    )


numbers = st.integers(-3, 3) | st.integers(-(10**6), 10**6) | st.integers(-(10**400), 10**400)
few = st.integers(-3, 60)
names_of = st.sampled_from(["a", "b", "", "api", "x"])
times = st.floats(allow_nan=False, allow_infinity=False) | st.floats(0, 1000)
knobs_of = st.builds(
    Knobs, st.booleans(), st.none() | numbers, st.none() | numbers, numbers, numbers
)
mappings_of = st.builds(
    EventSourceMapping,
    names_of,
    st.just("arn"),
    names_of,
    names_of,
    knobs_of,
    st.booleans(),
    st.none() | numbers,
    st.none() | knobs_of,
)
queues_of = st.builds(Queue, names_of, numbers, numbers, st.none(), st.none(), st.booleans())
facts_of = st.builds(
    FunctionFacts,
    names_of,
    numbers,
    st.none() | numbers,
    st.booleans(),
    st.none() | numbers,
    numbers,
    st.none() | numbers,
    st.none() | st.floats(),
)
accounts_of = st.builds(
    AccountFacts, few, few, st.none() | st.builds(QuotaRequest, names_of, names_of, numbers)
)
observed_of = st.builds(
    Observed,
    times,
    st.none() | accounts_of,
    st.none() | st.lists(mappings_of, max_size=5).map(tuple),
    st.dictionaries(names_of, queues_of),
    st.dictionaries(names_of, facts_of),
    st.dictionaries(
        st.sampled_from(["account", "function:a", "function:", "group:g", "?"]),
        st.builds(ScopeCount, numbers),
    ),
    st.none() | numbers,
    st.sampled_from([(), ("something",)]),
)
memories_of = st.builds(
    Memory,
    st.dictionaries(
        names_of, st.builds(Turned, knobs_of, knobs_of, knobs_of, times, st.none() | knobs_of)
    ),
    st.dictionaries(
        names_of,
        st.builds(
            Braked,
            st.none() | numbers,
            st.none() | numbers,
            st.none() | numbers,
            times,
            st.none() | times,
            st.sampled_from([None, NO_RESERVATION, 7]),
        ),
    ),
    st.dictionaries(
        st.sampled_from(["user-facing", "ungoverned", "messages:a", "ms:a", "group:g"]),
        st.builds(
            Highest,
            few,
            st.lists(st.tuples(st.integers(-1000, 1000), few), max_size=5).map(tuple),
        ),
    ),
    st.none() | times,
    st.none() | st.builds(Asked, numbers, times),
)
policies_of = st.builds(
    Policy,
    account=st.builds(
        Account,
        max_concurrency=st.none() | st.integers(0, 50),
        headroom=st.integers(0, 50),
        mode=st.sampled_from(Mode),
        raise_=st.none() | st.builds(Raise, when_above=st.just(0.5), up_to=st.integers(1, 1000)),
    ),
    groups=st.fixed_dictionaries(
        {"g": st.builds(Group, max_concurrency=st.none() | st.integers(0, 50))}
    ),
    functions=st.dictionaries(
        st.sampled_from(["a", "b", "api"]),
        st.builds(
            Function,
            max_concurrency=st.none() | st.integers(0, 50),
            priority=st.none() | st.sampled_from(Priority),
            groups=st.sampled_from([(), ("g",), {"g": 5}]),
            mode=st.sampled_from(Mode),
            share=st.integers(1, 10),
            allow_pause=st.booleans(),
            max_batch_size=st.none() | st.integers(1, 10_000),
            shared=st.booleans(),
        ),
    ),
)
