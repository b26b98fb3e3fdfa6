"""What is proposed for what was observed, and why."""

import pytest

from governor.facts import Facts
from governor.model import Mode, Priority
from governor.policy import Policy, checked, parse_yaml
from governor.replay.course import Event, Kind
from governor.replay.observing import Observed, Rise, priority_of
from governor.replay.recommending import Proposal, propose
from governor.replay.trace import Chapter, Step

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
    found, because = priority_of(function, CHAPTER)
    assert found is priority
    assert why in because


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
