"""Replicas of two releases side by side on the same data (rule 15)."""

from collections.abc import Callable

import pytest

from governor.ledger.library import PARTS, Library, assemble, part
from tests.ledger.replica import Replica


@pytest.fixture(scope="module")
def next_release() -> Library:
    """The library with a text of another release."""
    parts = {name: part(name) for name in PARTS}
    return assemble(parts | {"clock": f"-- of the next release\n{parts['clock']}"})


async def test_two_releases_share_one_ledger(
    new_replica: Callable[..., Replica], next_release: Library
) -> None:
    old, new = new_replica(), new_replica(next_release)
    await old.set_policy("functions: {api: {max_concurrency: 2}}")
    await old.granted("a", "api")
    await new.granted("b", "api")
    for replica in (old, new):
        assert (await replica.denied("c", "api")).in_use == 2
    assert (await new.granted("a", "api")).replayed
    await new.release("a")
    await old.release("b")
    assert await old.in_use("function:api") == await new.in_use("function:api") == 0


async def test_who_waits_at_one_release_is_woken_by_the_other(
    new_replica: Callable[..., Replica], next_release: Library
) -> None:
    old, new = new_replica(), new_replica(next_release)
    await old.set_policy("functions: {api: {max_concurrency: 1}}")
    async with old.listening() as of_old, new.listening() as of_new:
        await new.granted("a", "api")
        await old.waiting("b", "api")
        await new.waiting("c", "api")
        await new.release("a")
        assert await of_old.woken() == "b"
        await old.release("b")
        assert await of_new.woken() == "c"


async def test_a_policy_of_one_release_governs_the_other(
    new_replica: Callable[..., Replica], next_release: Library
) -> None:
    old, new = new_replica(), new_replica(next_release)
    await old.set_policy("functions: {api: {max_concurrency: 0}}")
    await new.denied("a", "api")
    await new.set_policy("functions: {api: {max_concurrency: 1}}")
    await old.granted("a", "api")
