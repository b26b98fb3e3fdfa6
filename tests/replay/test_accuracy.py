"""How near a replay comes to the truth: the reference ledger on the very same visits."""

from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from governor.model import Mode
from governor.policy import Policy, parse_yaml
from governor.replay.advice import advise
from governor.replay.document import document
from governor.replay.reading import Record
from governor.replay.trial import Trial, in_mode
from governor.replay.verdicts import Verdict, compare
from tests.replay.traffic import Visit, poisson
from tests.replay.truth import happen

POLICY = parse_yaml("""
account: {max_concurrency: 26, headroom: 8}
groups: {etl: {max_concurrency: 14, members: {functions: ["etl-*"]}}}
functions:
  etl-load: {priority: background, max_concurrency: 9}
  etl-copy: {priority: background}
  mail: {priority: background}
""")
FOR_S = 60


def load(seed: int) -> list[Visit]:
    """A minute of traffic that is too much for the policy."""
    return [
        *poisson("api", 30, 0.3, FOR_S, seed),
        *poisson("etl-load", 8, 1, FOR_S, seed + 1),
        *poisson("etl-copy", 20, 0.3, FOR_S, seed + 2),
        *poisson("mail", 3, 2.5, FOR_S, seed + 3),
        *poisson("report", 0.1, 25, FOR_S, seed + 4),
        *poisson("tiny", 40, 0.03, FOR_S, seed + 5),
    ]


def denied(verdict: Verdict) -> Counter[str]:
    """How many a verdict says were denied of whom."""
    return Counter({each.function: each.denied for each in verdict.functions if each.denied})


@pytest.mark.parametrize("seed", [10, 20, 30])
def test_a_shadow_record_foretells_what_is_denied(recorded: Callable[..., Path], seed: int) -> None:
    visits, shadow = load(seed), in_mode(POLICY, Mode.SHADOW)
    _, lines = happen(shadow, visits, FOR_S + 5)
    truth, _ = happen(POLICY, visits, FOR_S + 5)
    compared = compare(
        Record(recorded(lines, shadow)), [Trial("recorded", None), Trial("enforced", POLICY)]
    )
    free, enforced = compared.verdicts
    assert (free.denied, enforced.invocations) == (0, len(visits))
    assert enforced.denied / len(visits) == pytest.approx(truth.total() / len(visits), abs=0.03)
    came = Counter(visit.function for visit in visits)
    for function, number in came.items():
        foretold = denied(enforced)[function] / number
        assert foretold == pytest.approx(truth[function] / number, abs=0.15), function
    for scope, most in (("account", 26), ("group:etl", 14), ("function:etl-load", 9)):
        assert enforced.peaks[scope] <= most


@pytest.mark.parametrize("seed", [10, 20, 30])
def test_an_enforced_record_tells_itself_again(recorded: Callable[..., Path], seed: int) -> None:
    visits = load(seed)
    truth, lines = happen(POLICY, visits, FOR_S + 5)
    compared = compare(Record(recorded(lines, POLICY)), [Trial("recorded", None)])
    (again,) = compared.verdicts
    assert compared.record.denied == truth.total()
    assert again.invocations == len(visits)
    assert again.denied / len(visits) == pytest.approx(truth.total() / len(visits), abs=0.05)


def test_without_limits_every_visit_runs_as_long_as_it_did(recorded: Callable[..., Path]) -> None:
    visits = load(40)
    _, lines = happen(Policy(), visits, FOR_S + 40)
    (free,) = compare(Record(recorded(lines)), [Trial("free", None)]).verdicts
    assert (free.denied, free.invocations) == (0, len(visits))
    highest = {
        scope: max(line.scopes[scope].in_use for line in lines if scope in line.scopes)
        for scope in ("account", "function:report", "function:mail")
    }
    for scope, most in highest.items():
        assert most - 1 <= free.peaks[scope] <= most * 1.3 + 2, scope


def test_a_headroom_that_is_too_small_is_found_out(recorded: Callable[..., Path]) -> None:
    # Background work that holds on, and users who come slowly: their rise says too little.
    policy = in_mode(
        parse_yaml("{account: {max_concurrency: 30}, functions: {load: {priority: background}}}"),
        Mode.SHADOW,
    )
    visits = [Visit(30.0 * i, "api", 299) for i in range(10)]
    visits += [Visit(float(i), "load", 290) for i in range(40)]
    _, lines = happen(policy, visits, 600)
    advice = advise(Record(recorded(lines, policy)))
    assert advice.verdict.user_facing_denied == 0
    (why,) = [each for each in advice.proposal.reasons if each.path == "account.headroom"]
    assert (why.value, "when replayed" in why.why) == (10, True)


@pytest.mark.parametrize("recording", [POLICY, in_mode(POLICY, Mode.SHADOW), Policy()], ids=str)
def test_a_proposal_denies_no_users_of_its_own_record(
    recorded: Callable[..., Path], recording: Policy
) -> None:
    _, lines = happen(recording, load(50), FOR_S + 5)
    advice = advise(Record(recorded(lines, recording)))
    assert advice.verdict.user_facing_denied == 0
    proposed = parse_yaml(document(advice.proposal, "why"))
    assert proposed == advice.proposal.policy
    assert {limits.mode for _, limits in proposed.scopes()} == {Mode.SHADOW}
