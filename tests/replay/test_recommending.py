"""What is proposed for what was observed, and why."""

import pytest

from governor.facts import Facts, packed
from governor.model import Limits, Mode, Priority
from governor.policy import Policy, checked, parse_yaml
from governor.replay.course import Event, Kind
from governor.replay.observing import Observed, Rise
from governor.replay.recommending import Proposal, propose
from governor.replay.trace import Chapter, Step
from governor.resolver import Resolver

CHAPTER = Chapter(
    parse_yaml("""
groups: {db: {headroom: 9}, mail: {max_concurrency: 3}, idle: {}}
functions:
  load: {priority: background, groups: {db: 2}}
  copy: {priority: background, max_concurrency: 2}
  send: {groups: [mail], max_concurrency: 4}
"""),
    Facts(max_attempts={"fed": 3}),
    frozenset({"mapped"}),
)


def observed(chapter: Chapter = CHAPTER, **peaks: int) -> Observed:
    """What is seen when so many of each function come at once, and stay."""
    events, count = list[Event](), 0
    for function, peak in peaks.items():
        for _ in range(peak):
            count += 1
            events.append(Event(100_000 + count, count, Kind.COMES, function, count))
    found = Observed()
    found.see(Step(0, 200_000, chapter, {}), events)
    return found


def reasons(proposal: Proposal) -> dict[str, tuple[object, str]]:
    """Why, by path."""
    return {each.path: (each.value, each.why) for each in proposal.reasons}


def test_limits_are_peaks_with_a_margin() -> None:
    proposal = propose(observed(api=8, load=8))
    policy = checked(proposal.policy)
    assert policy.functions["api"].max_concurrency == 16
    assert policy.functions["load"].max_concurrency == 10
    assert (policy.groups["db"].max_concurrency, policy.groups["db"].headroom) == (20, 9)
    assert policy.groups["idle"].max_concurrency is None
    assert "peak 16, times 1.25" in reasons(proposal)["groups.db.max_concurrency"][1]
    assert {limits.mode for _, limits in policy.scopes()} == {Mode.SHADOW}


def test_recorded_limits_stay_unless_they_deny_users() -> None:
    policy = propose(observed(send=8, copy=8)).policy
    assert policy.functions["copy"].max_concurrency == 2
    assert policy.functions["send"].max_concurrency == 16
    assert policy.groups["mail"].max_concurrency == 10


@pytest.mark.parametrize(
    ("function", "priority", "why"),
    [
        ("load", Priority.BACKGROUND, "as in the recorded policy"),
        ("fed", Priority.BACKGROUND, "a queue feeds it"),
        ("mapped", Priority.BACKGROUND, "a queue feeds it"),
        ("send", Priority.USER_FACING, "the default"),
        ("other", Priority.USER_FACING, "the default"),
    ],
)
def test_priorities_have_reasons(function: str, priority: Priority, why: str) -> None:
    found, because = observed().priority_of(function)
    assert found is priority
    assert why in because


def wishing(policy: str, **tags: str) -> Chapter:
    """A chapter in which the function `tagged` wishes something of the policy."""
    wishes = {f"governor:{tag.replace('_', '-')}": value for tag, value in tags.items()}
    return Chapter(parse_yaml(policy), Facts(tags=packed({"tagged": wishes})))


def test_a_priority_that_a_tag_says_counts_and_is_left_to_the_tag() -> None:
    chapter = wishing("tags: trusted", priority="background")
    seen = observed(chapter, api=4, tagged=8)
    proposal = propose(seen)
    assert reasons(proposal)["functions.tagged.priority"] == (
        "background",
        "its tag governor:priority, which the recorded policy trusts",
    )
    assert (seen.user_facing.peak, proposal.policy.account.headroom) == (4, 5)
    tagged = proposal.policy.functions["tagged"]
    assert (tagged.priority, tagged.max_concurrency) == (None, 10)
    assert Resolver(proposal.policy, chapter.facts).claim("tagged").priority is Priority.BACKGROUND


def test_tags_that_are_not_trusted_count_for_nothing() -> None:
    seen = observed(wishing("{}", priority="background", max_concurrency="3"), tagged=8)
    assert seen.user_facing.peak == 8
    tagged = propose(seen).policy.functions["tagged"]
    assert (tagged.priority, tagged.max_concurrency) == (Priority.USER_FACING, 16)


@pytest.mark.parametrize(("peak", "proposed"), [(2, None), (3, None), (4, 8)])
def test_a_limit_that_a_tag_says_stays_unless_it_denies_users(
    peak: int, proposed: int | None
) -> None:
    seen = observed(wishing("tags: trusted", max_concurrency="3"), tagged=peak)
    assert propose(seen).policy.functions["tagged"].max_concurrency == proposed


def test_what_only_wishes_is_in_shadow_mode_too() -> None:
    chapter = wishing("tags: trusted", max_concurrency="3")
    effective = Resolver(propose(observed(chapter)).policy, chapter.facts).effective
    assert effective.functions["tagged"].limits == Limits(3, mode=Mode.SHADOW)


def test_the_headroom_is_the_rise_of_users_and_when_careful_their_peak() -> None:
    seen = observed(api=8, load=50)
    assert reasons(propose(seen))["account.headroom"][0] == 10
    assert reasons(propose(seen, careful=True))["account.headroom"][0] == 8


@pytest.mark.parametrize(
    ("recorded", "peak", "proposed"),
    [(None, 8, 1000), (None, 1200, 2000), (50, 8, 50), (50, 60, 75)],
)
def test_the_accounts_limit(recorded: int | None, peak: int, proposed: int) -> None:
    policy = parse_yaml(f"account: {{max_concurrency: {recorded or 'null'}}}")
    assert propose(observed(Chapter(policy), api=peak)).policy.account.max_concurrency == proposed


def test_a_rise_is_what_comes_within_a_minute() -> None:
    rise = Rise()
    for second in range(600):
        rise.move(second // 10, second * 1000)
    assert (rise.highest, rise.peak) == (6, 59)
    rise.move(20, 601_000)
    rise.move(45, 650_000)
    assert rise.highest == 25


def test_nothing_seen_gives_a_policy_still() -> None:
    assert checked(propose(Observed()).policy) == Policy(account=propose(Observed()).policy.account)
