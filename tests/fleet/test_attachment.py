"""A configuration with the governor before the handler, and back, decided from what is there."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from governor.fleet.attachment import (
    Configure,
    Forget,
    Left,
    Remember,
    Settled,
    foreseen,
    taken,
    toward,
    toward_attached,
    toward_detached,
)
from governor.fleet.configuration import Configuration, Wanted, configuration, differences
from governor.fleet.function import Attached, Function, Package
from governor.fleet.memory import TAG, VARIABLES_TAG, Memory
from governor.layer.contents import HANDLERS, RUNTIMES

LAYER = "arn:aws:lambda:eu-west-1:123456789012:layer:governor"
OTHER = "arn:aws:lambda:eu-west-1:123456789012:layer:other"
URL = "http://governor:8642"
WANTED = Wanted(f"{LAYER}:3", {"GOVERNOR_URL": URL}, at_s=1_790_000_000)
PLAIN = Function("api", "arn:api", "python3.13", handler="app.main", variables={"A": "1"})
WRAPPED = replace(PLAIN, variables={"A": "1", "AWS_LAMBDA_EXEC_WRAPPER": "/opt/datadog_wrapper"})


def attached(function: Function, wanted: Wanted = WANTED) -> Function:
    """The function when all is done, which must end well."""
    after, end = foreseen(function, lambda now: toward_attached(now, wanted))
    assert end == Settled()
    return after


def detached(function: Function) -> Function:
    after, end = foreseen(function, toward_detached)
    assert end == Settled()
    return after


def test_the_wrapper_comes_before_a_handler_that_has_none() -> None:
    after = attached(PLAIN)
    assert after.attached is Attached.WRAPPER
    assert configuration(after) == Configuration(
        "app.main",
        (f"{LAYER}:3",),
        {"A": "1", "GOVERNOR_URL": URL, "AWS_LAMBDA_EXEC_WRAPPER": "/opt/governor"},
    )
    assert after.tags == {
        TAG: f"layer={LAYER} former=none at=2026-09-21T14:13:20Z",
        VARIABLES_TAG: "AWS_LAMBDA_EXEC_WRAPPER GOVERNOR_URL",
    }


@pytest.mark.parametrize("runtime", RUNTIMES)
def test_where_the_slot_is_taken_the_handler_is_redirected(runtime: str) -> None:
    after = attached(replace(WRAPPED, runtime=runtime))
    assert after.attached is Attached.HANDLER
    assert after.handler == HANDLERS["python" if "python" in runtime else "nodejs"]
    assert after.variables["GOVERNOR_HANDLER"] == "app.main"
    assert after.variables["AWS_LAMBDA_EXEC_WRAPPER"] == "/opt/datadog_wrapper"


def test_the_way_back_is_known_before_anything_is_changed() -> None:
    step = toward_attached(PLAIN, WANTED)
    assert isinstance(step, Remember)
    assert isinstance(toward_attached(taken(PLAIN, step), WANTED), Configure)


def test_tags_go_last() -> None:
    after = attached(PLAIN)
    step = toward_detached(after)
    assert isinstance(step, Configure)
    assert toward_detached(taken(after, step)) == Forget()


NAMES = st.sampled_from(
    ["A", "B", "GOVERNOR_FAIL", "GOVERNOR_TOKEN_SECRET", "GOVERNOR_WAIT_MS", "GOVERNOR_EMF"]
)
VARIABLES = st.dictionaries(NAMES, st.text("xyz", max_size=3), max_size=4)
FUNCTIONS = st.builds(
    lambda wrapper, layers, variables, tags: replace(
        PLAIN,
        layers=tuple(layers),
        variables={**variables, **wrapper},
        tags=tags,
    ),
    st.sampled_from([{}, {"AWS_LAMBDA_EXEC_WRAPPER": "/opt/datadog_wrapper"}]),
    st.lists(st.sampled_from([f"{OTHER}:1", f"{OTHER}2:7", f"{LAYER}:1"]), unique=True, max_size=3),
    VARIABLES,
    st.dictionaries(st.sampled_from(["team", "stage"]), st.text("xyz", max_size=3)),
)
WANTS = st.builds(
    lambda version, variables, at_s: Wanted(
        f"{LAYER}:{version}",
        {"GOVERNOR_URL": URL, **{k: v for k, v in variables.items() if len(k) > 1}},
        at_s,
    ),
    st.integers(2, 4),
    VARIABLES,
    st.integers(1_790_000_000, 1_790_000_009),
)


@given(FUNCTIONS, st.lists(WANTS, min_size=1, max_size=4), st.data())
def test_whatever_was_attached_and_interrupted_detaching_gives_the_function_back(
    function: Function, wants: list[Wanted], data: st.DataObject
) -> None:
    now = function
    for wanted in wants:
        for _ in range(data.draw(st.integers(0, 5), label="steps until it is killed")):
            step = toward_attached(now, wanted)
            now = taken(now, step)
    assert detached(now) == function


@given(FUNCTIONS, st.lists(WANTS, min_size=1, max_size=3))
def test_attaching_arrives_and_stays_there(function: Function, wants: list[Wanted]) -> None:
    now = function
    for wanted in wants:
        before = now
        now, end = foreseen(now, lambda at, wanted=wanted: toward_attached(at, wanted))  # type: ignore[misc]
        if end == Settled():
            assert wanted.layer in now.layers
            assert wanted.variables.items() <= now.variables.items()
        else:
            assert configuration(now) == configuration(before)


@given(FUNCTIONS, WANTS, WANTS)
def test_a_wave_that_is_rolled_back_is_as_it_was(
    function: Function, first: Wanted, second: Wanted
) -> None:
    earlier, _ = foreseen(function, lambda now: toward_attached(now, first))
    later, _ = foreseen(earlier, lambda now: toward_attached(now, second))
    assert foreseen(later, lambda now: toward(now, earlier)) == (earlier, Settled())


def test_what_others_have_changed_meanwhile_stays() -> None:
    after = attached(replace(PLAIN, layers=(f"{OTHER}:1",)))
    changed = replace(
        after, layers=(*after.layers, f"{OTHER}2:1"), variables={**after.variables, "B": "2"}
    )
    back = detached(changed)
    assert back.layers == (f"{OTHER}:1", f"{OTHER}2:1")
    assert back.variables == {"A": "1", "B": "2"}


def test_a_wrapper_that_others_have_set_meanwhile_stays() -> None:
    after = attached(PLAIN)
    theirs = {**after.variables, "AWS_LAMBDA_EXEC_WRAPPER": "/opt/datadog_wrapper"}
    again = attached(replace(after, variables=theirs))
    assert again.attached is Attached.HANDLER
    assert again.variables["AWS_LAMBDA_EXEC_WRAPPER"] == "/opt/datadog_wrapper"
    assert detached(again) == WRAPPED
    assert detached(replace(after, variables=theirs)) == WRAPPED


def test_what_others_have_changed_before_a_wave_is_rolled_back_stays() -> None:
    newer = replace(
        WANTED, layer=f"{LAYER}:4", variables={"GOVERNOR_URL": "http://x"}, at_s=WANTED.at_s + 9
    )
    for earlier in (PLAIN, WRAPPED, attached(PLAIN), attached(WRAPPED)):
        after = attached(earlier, newer)
        now = replace(
            after,
            variables={**after.variables, "B": "2"},
            layers=(f"{OTHER}:1", *after.layers),
            timeout_s=7,
        )
        back, end = foreseen(now, lambda now, earlier=earlier: toward(now, earlier))  # type: ignore[misc]
        assert end == Settled()
        assert back == replace(
            earlier,
            variables={**earlier.variables, "B": "2"},
            layers=(f"{OTHER}:1", *earlier.layers),
            timeout_s=7,
        )


def test_what_had_variables_of_ours_by_hand_is_detached_all_the_same() -> None:
    decorated = replace(PLAIN, variables={"A": "1", "GOVERNOR_URL": URL})
    assert detached(attached(decorated)) == decorated


def test_another_version_takes_the_place_of_the_old_one() -> None:
    first = attached(replace(PLAIN, layers=(f"{OTHER}:1",)))
    first = replace(first, layers=(*first.layers, f"{OTHER}2:1"))
    second = attached(first, replace(WANTED, layer=f"{LAYER}:4", at_s=WANTED.at_s + 9))
    assert second.layers == (f"{OTHER}:1", f"{LAYER}:4", f"{OTHER}2:1")


def test_a_variable_of_ours_that_is_not_named_again_stays() -> None:
    secret = {"GOVERNOR_TOKEN_SECRET": "arn:old", "GOVERNOR_EMF": "1"}
    first = attached(PLAIN, replace(WANTED, variables={**WANTED.variables, **secret}))
    named = {"GOVERNOR_URL": "http://new", "GOVERNOR_EMF": "0"}
    second = attached(first, replace(WANTED, variables=named, at_s=WANTED.at_s + 9))
    assert {**first.variables, **named} == second.variables
    assert detached(second) == PLAIN


@pytest.mark.parametrize(
    ("former", "named"),
    [("GOVERNOR_TOKEN", "GOVERNOR_TOKEN_SECRET"), ("GOVERNOR_TOKEN_SECRET", "GOVERNOR_TOKEN")],
)
def test_a_token_that_is_named_takes_the_place_of_the_former(former: str, named: str) -> None:
    first = attached(PLAIN, replace(WANTED, variables={"GOVERNOR_URL": URL, former: "a"}))
    again = replace(WANTED, variables={"GOVERNOR_URL": URL, named: "b"}, at_s=WANTED.at_s + 9)
    second = attached(first, again)
    assert former not in second.variables
    assert second.variables[named] == "b"
    assert detached(second) == PLAIN


def test_a_handler_that_was_changed_while_redirected_is_what_comes_back() -> None:
    after = attached(WRAPPED)
    renamed = replace(after, variables={**after.variables, "GOVERNOR_HANDLER": "app.other"})
    assert detached(renamed).handler == "app.other"


@pytest.mark.parametrize(
    ("function", "reason"),
    [
        (replace(PLAIN, package=Package.IMAGE, runtime=""), "Dockerfile"),
        (replace(PLAIN, runtime="python3.9"), "does not run in python3.9"),
        (replace(PLAIN, runtime="java21"), "nodejs24.x"),
        (replace(PLAIN, unreadable="no key"), "kms:Decrypt"),
        (replace(PLAIN, layers=tuple(f"{OTHER}{n}:1" for n in range(5))), "5 layers"),
        (replace(PLAIN, variables={"A": "x" * 4030}), "4096 bytes"),
        (replace(PLAIN, variables={"GOVERNOR_URL": "http://else"}), "GOVERNOR_URL has been set"),
        (replace(PLAIN, handler=HANDLERS["python"]), "set it back to its own"),
        (replace(PLAIN, tags={TAG: "layer=x"}), "somebody has edited"),
        (replace(WRAPPED, variables={**WRAPPED.variables, "PYTHONPATH": "/var/x"}), "PYTHONPATH"),
        (
            replace(PLAIN, tags=Memory(OTHER, None, frozenset(), 0).tags),
            f"{OTHER} is attached: detach it first",
        ),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_who_can_not_be_attached_is_left_and_told_why(function: Function, reason: str) -> None:
    step = toward_attached(function, WANTED)
    assert isinstance(step, Left)
    assert reason in step.reason


@pytest.mark.parametrize(
    ("function", "change", "reason"),
    [
        (PLAIN, {"variables": {}, "unreadable": "no key"}, "kms:Decrypt"),
        (WRAPPED, {"variables": {"A": "1"}}, "somebody has removed GOVERNOR_HANDLER"),
        (PLAIN, {"tags": {TAG: f"layer={LAYER} former=none at=2026-09-21T14:13:20Z"}}, "edited"),
        (
            PLAIN,
            {
                "tags": {
                    TAG: f"layer={LAYER} former=none at=2026-09-21T14:13:20Z",
                    VARIABLES_TAG: "A GOVERNOR_URL",
                }
            },
            "edited",
        ),
    ],
)
def test_who_can_not_be_detached_without_harm_is_left_and_told_why(
    function: Function, change: dict[str, Any], reason: str
) -> None:
    before = attached(function)
    now = replace(before, **change)
    for step in (toward_detached(now), toward(now, function), toward(now, before)):
        assert isinstance(step, Left)
        assert reason in step.reason


def test_a_path_that_has_layers_in_it_is_no_hindrance() -> None:
    path = {"PYTHONPATH": "/var/x:/opt/python"}
    assert attached(replace(WRAPPED, variables={**WRAPPED.variables, **path})).is_attached
    assert attached(replace(PLAIN, variables={"PYTHONPATH": "/var/x"})).is_attached


def test_five_layers_are_enough_for_one_more_of_the_same() -> None:
    layers = (*(f"{OTHER}{n}:1" for n in range(4)), f"{LAYER}:1")
    function = replace(PLAIN, layers=layers)
    assert detached(attached(function)) == function


def test_the_last_byte_of_variables_can_be_used() -> None:
    def with_size(length: int) -> Function:
        return replace(PLAIN, variables={"A": "x" * length})

    rest = 4096 - len('{"A":"","GOVERNOR_URL":"","AWS_LAMBDA_EXEC_WRAPPER":"/opt/governor"}' + URL)
    assert attached(with_size(rest)).is_attached
    assert isinstance(toward_attached(with_size(rest + 1), WANTED), Left)


def test_what_was_attached_by_hand_is_not_taken_away() -> None:
    by_hand = replace(attached(PLAIN), tags={})
    step = toward_detached(by_hand)
    assert isinstance(step, Left)
    assert "by hand" in step.reason
    assert toward_attached(by_hand, WANTED) == Settled()
    assert toward_detached(PLAIN) == Settled()


def test_a_difference_tells_only_what_changes() -> None:
    before = replace(WRAPPED, layers=(f"{OTHER}:1",))
    paths = [
        path for path, _, _ in differences(configuration(before), configuration(attached(before)))
    ]
    assert paths == ["handler", "layers", "variables.GOVERNOR_HANDLER", "variables.GOVERNOR_URL"]


def test_a_difference_does_not_tell_tokens() -> None:
    tokens = [{"GOVERNOR_TOKEN": token} for token in ("one", "two")]
    before, after = (Configuration("h", (), each) for each in tokens)
    assert list(differences(before, after)) == [
        ("variables.GOVERNOR_TOKEN", "(hidden)", "(hidden)")
    ]
    assert list(differences(before, Configuration("h", (), {}))) == [
        ("variables.GOVERNOR_TOKEN", "(hidden)", "")
    ]


def test_a_tag_is_within_what_aws_takes() -> None:
    every = frozenset(
        {
            *("GOVERNOR_URL", "GOVERNOR_TOKEN", "GOVERNOR_TOKEN_SECRET", "GOVERNOR_TIMEOUT_MS"),
            *("GOVERNOR_FAIL", "GOVERNOR_ON_DENIED", "GOVERNOR_WAIT_MS", "GOVERNOR_EMF"),
            *("GOVERNOR_HANDLER", "GOVERNOR_DISABLED", "AWS_LAMBDA_EXEC_WRAPPER"),
        }
    )
    arn = f"arn:aws-us-gov:lambda:us-gov-west-1:123456789012:layer:{'x' * 64}"
    tags = Memory(arn, 123_456, every, 1_790_000_000).tags
    assert all(len(value) <= 256 for value in tags.values())
    assert Memory.of(tags) == Memory(arn, 123_456, every, 1_790_000_000)
