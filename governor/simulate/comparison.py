"""Several policies over several seeds: the runs, side by side."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

from msgspec import to_builtins
from msgspec.structs import fields

from governor.simulate.results import Estimate, Figures, Run, estimate, simulate
from governor.simulate.scenario import PolicyName, Scenario

Progress = Callable[[PolicyName, int, float], None]
"""Is told how far the run of a policy with a seed has come, in simulated seconds."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """All runs of a scenario, by policy; those of one seed had the same arrivals."""

    scenario: Scenario
    runs: dict[PolicyName, list[Run]]

    @property
    def flaws(self) -> list[str]:
        """What was wrong with recorded files, each said once."""
        found = (flaw for runs in self.runs.values() for run in runs for flaw in run.flaws)
        return list(dict.fromkeys(found))

    def estimate(self, policy: PolicyName, figure: str) -> Estimate | None:
        """Return what the seeds say of one of `Figures`."""
        return estimate(getattr(run.figures, figure) for run in self.runs[policy])

    def document(self) -> dict[str, object]:
        """Return everything but the series as plain data."""
        names = [each.name for each in fields(Figures)]
        return {
            "scenario": self.scenario.name,
            "title": self.scenario.head.title,
            "length_s": self.scenario.head.length_s,
            "seeds": [run.seed for run in next(iter(self.runs.values()))],
            "flaws": self.flaws,
            "policies": {
                policy: {
                    "estimates": {name: to_builtins(self.estimate(policy, name)) for name in names},
                    "runs": [to_builtins(run.figures) for run in runs],
                }
                for policy, runs in self.runs.items()
            },
        }


def compare(
    scenario: Scenario, policies: Sequence[PolicyName], seeds: int, progress: Progress
) -> Comparison:
    """Run `scenario` under each of `policies` with the seeds 1, 2, … `seeds`."""
    runs: dict[PolicyName, list[Run]] = {policy: [] for policy in policies}
    for policy in policies:
        for seed in range(1, seeds + 1):
            runs[policy].append(simulate(scenario, policy, seed, partial(progress, policy, seed)))
    return Comparison(scenario, runs)
