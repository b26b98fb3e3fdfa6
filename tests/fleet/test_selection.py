"""Which functions a selection means."""

import pytest

from governor.errors import InvalidInputError
from governor.fleet.function import STACK_TAG, Fleet, Function
from governor.fleet.selection import Selection

PROD, TEST = {STACK_TAG: "prod"}, {STACK_TAG: "test"}


def function(name: str, tags: dict[str, str] | None) -> Function:
    return Function(name, f"arn:aws:lambda:eu-central-1:1:function:{name}", tags=tags)


FLEET = Fleet(
    "eu-central-1",
    (
        function("api", {**PROD, "team": "web", "tier": "1"}),
        function("etl-load", {**PROD, "team": "data"}),
        function("etl-test", {**TEST, "team": "data", "tier": "1"}),
        function("other", {}),
    ),
)


@pytest.mark.parametrize(
    ("selection", "meant"),
    [
        (Selection(), ["api", "etl-load", "etl-test", "other"]),
        (Selection(names=("api",)), ["api"]),
        (Selection(names=("etl-*",)), ["etl-load", "etl-test"]),
        (Selection(names=("other", "ap?")), ["api", "other"]),
        (Selection(tags=(("team", "data"),)), ["etl-load", "etl-test"]),
        (Selection(tags=(("team", "data"), ("tier", "1"))), ["etl-test"]),
        (Selection(stacks=("prod",)), ["api", "etl-load"]),
        (Selection(stacks=("prod", "test")), ["api", "etl-load", "etl-test"]),
        (Selection(names=("etl-*",), stacks=("prod",)), ["etl-load"]),
    ],
)
def test_who_is_meant(selection: Selection, meant: list[str]) -> None:
    assert [each.name for each in selection.of(FLEET)] == meant


@pytest.mark.parametrize(
    ("selection", "says"),
    [
        (Selection(names=("api", "nobody")), "is called nobody"),
        (Selection(names=("API",)), "is called API"),
        (Selection(tags=(("team", "ops"),)), "has the tag team=ops"),
        (Selection(stacks=("prod", "staging")), "is of the stack staging"),
        (Selection(names=("other",), stacks=("prod",)), "all of what you name"),
    ],
)
def test_nobody_is_meant(selection: Selection, says: str) -> None:
    with pytest.raises(InvalidInputError, match=says):
        selection.of(FLEET)


def test_where_nobody_was_found_is_told() -> None:
    nobody = Selection(names=("nobody",))
    with pytest.raises(InvalidInputError, match="in account 1, eu-central-1 is called nobody"):
        nobody.of(FLEET)
    with pytest.raises(InvalidInputError, match="no function in eu-central-1 is called nobody"):
        nobody.of(Fleet("eu-central-1", ()))


def test_tags_that_are_not_known_select_nobody_by_mistake() -> None:
    fleet = Fleet(
        "eu-central-1",
        (function("api", None),),
        missing=("tags: tag:GetResources is not permitted",),
    )
    with pytest.raises(InvalidInputError, match="tag:GetResources is not permitted"):
        Selection(stacks=("prod",)).of(fleet)
    assert [each.name for each in Selection(names=("api",)).of(fleet)] == ["api"]


def test_whether_anything_is_said() -> None:
    assert not Selection()
    assert Selection(names=("*",))
