"""The functions' tags as the controller reads them: all of them or none, a few pages at a time."""

from collections.abc import Mapping
from pathlib import Path

import pytest

from governor.controller.aws.account import AwsAccount
from governor.controller.learn import learned
from governor.controller.observed import Observed
from governor.demo.aws.fleet import ACCOUNT_ID, REGION
from governor.demo.aws.standin import StandIn
from governor.facts import STACK, Facts, packed
from governor.model import ACCOUNT, ScopeCount
from tests.governors import Governor
from tests.service.api import Api, eventually

NOW = 1_800_000_000.0
IDLE = {ACCOUNT: ScopeCount()}
KNOWN = Facts(tags=packed({"old": {"team": "a"}}))

pytestmark = [pytest.mark.usefixtures("standin"), pytest.mark.timeout(120)]


def tag(standin: StandIn, tags: Mapping[str, dict[str, str]]) -> None:
    """Let AWS have these tags of functions, and no others."""
    prefix = f"arn:aws:lambda:{REGION}:{ACCOUNT_ID}:function:"
    standin.state.tags = {f"{prefix}{name}": each for name, each in tags.items()}


def tags(observed: Observed) -> dict[str, Mapping[str, str]]:
    """What is known after a snapshot, by function, where `KNOWN` was known before it."""
    facts = learned(KNOWN, observed)
    return {name: facts.tags_of(name) for name in facts.tags}


def test_tags_and_stacks_are_learned_and_bookkeeping_is_not(
    standin: StandIn, account: AwsAccount
) -> None:
    load = {"team": "b", STACK: "shop", "governor:original": "reserved=none", "aws:x": "y"}
    tag(standin, {"load": load, "untagged": {}})
    assert tags(account.observe(IDLE, NOW)) == {"load": {"team": "b", STACK: "shop"}}


def test_they_are_read_every_few_minutes(standin: StandIn, account: AwsAccount) -> None:
    tag(standin, {"load": {"team": "b"}})
    account.observe(IDLE, NOW)
    tag(standin, {"load": {"team": "c"}})
    assert account.observe(IDLE, NOW + 100).tags is None
    assert tags(account.observe(IDLE, NOW + 130)) == {"load": {"team": "c"}}
    tag(standin, {})
    assert tags(account.observe(IDLE, NOW + 300)) == {}


def test_a_large_account_is_read_over_several_cycles(standin: StandIn, account: AwsAccount) -> None:
    tag(standin, {f"f{number}": {"team": "b"} for number in range(1_001)})
    seen = [account.observe(IDLE, NOW + 10 * number) for number in range(4)]
    assert [each.tags is None for each in seen] == [True, True, False, True]
    assert all(each.missing == () for each in seen)
    assert len(tags(seen[2])) == 1_001
    assert tags(seen[0]) == {"old": {"team": "a"}}


@pytest.mark.parametrize("trouble", ["throttle", "fail", "deny"])
def test_a_reading_that_fails_half_way_keeps_what_was_known(
    standin: StandIn, account: AwsAccount, trouble: str
) -> None:
    tag(standin, {f"f{number}": {"team": "b"} for number in range(600)})
    account.observe(IDLE, NOW)
    getattr(standin, trouble)("tag:GetResources")
    observed = account.observe(IDLE, NOW + 10)
    assert any("the functions' tags: tag:GetResources" in each for each in observed.missing)
    assert tags(observed) == {"old": {"team": "a"}}
    standin.heal()
    later = [account.observe(IDLE, NOW + 20 + 10 * number) for number in range(2)]
    assert len(max((tags(each) for each in later), key=len)) == 600


async def test_a_governor_with_a_controller_goes_by_them(standin: StandIn, tmp_path: Path) -> None:
    tag(standin, {"load": {STACK: "shop"}})
    policy = tmp_path / "policy.yaml"
    policy.write_text("groups: {shop: {max_concurrency: 1, members: {stack: shop}}}")
    options = ("--controller", "--data-dir", f"{tmp_path / 'data'}", "--policy", f"{policy}")
    with Governor(*options) as governor:
        async with Api(governor.url) as api:

            async def knows() -> bool:
                return bool((await api.get("/v1/facts")).json["tags"])

            await eventually(knows, "the controller has read the tags")
            await api.granted("a", "load")
            assert (await api.denied("b", "load"))["denied_by"] == "group:shop"
