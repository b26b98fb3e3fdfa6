"""Variables as they are set, and what a function's log says of those that can't be used."""

import pytest

from tests.layer.node.child import Child
from tests.layer.node.desks import environ

HERE = "http://governor:8642"
READ = "const settings = new Settings(given.environ); return settings[given.name];"


@pytest.mark.parametrize("switch", ["GOVERNOR_DISABLED", "GOVERNOR_EMF"])
@pytest.mark.parametrize(
    ("value", "on"),
    [
        *[("1", True), ("true", True), ("TRUE", True), ("yes", True), ("on", True), (" ", True)],
        *[("", False), ("0", False), ("false", False), ("False", False), (None, False)],
    ],
)
def test_a_switch_is_on_but_for_what_says_no(
    child: Child, switch: str, value: str | None, *, on: bool
) -> None:
    variables = environ(HERE) | ({} if value is None else {switch: value})
    if switch == "GOVERNOR_EMF":
        assert child.run(READ, name="emf", environ=variables) == on
    else:
        assert child.run("return entrance(given.environ) === null;", environ=variables) == on
