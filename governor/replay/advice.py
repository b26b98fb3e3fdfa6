"""A proposed policy together with what it comes to on the record that it was made from. Pure."""

from dataclasses import dataclass

from governor.model import Mode
from governor.replay.observing import observe
from governor.replay.recommending import Proposal, propose
from governor.replay.trace import Source
from governor.replay.trial import Trial, in_mode
from governor.replay.verdicts import Coverage, Verdict, Watch, compare


@dataclass(frozen=True, slots=True)
class Advice:
    """A proposal, and the verdict on it as if it were enforced."""

    proposal: Proposal
    record: Coverage
    verdict: Verdict


def advise(source: Source, watch: Watch = lambda _: None) -> Advice:
    """Propose a policy for `source`, played twice or three times. Raises `InvalidInputError`."""
    observed = observe(source, watch)
    advice = _tried(propose(observed), source, watch)
    if advice.verdict.user_facing_denied:
        advice = _tried(propose(observed, careful=True), source, watch)
    return advice


def _tried(proposal: Proposal, source: Source, watch: Watch) -> Advice:
    trial = Trial("proposed", in_mode(proposal.policy, Mode.ENFORCE))
    compared = compare(source, [trial], watch)
    return Advice(proposal, compared.record, compared.verdicts[0])
