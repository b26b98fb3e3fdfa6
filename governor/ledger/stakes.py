"""What a claim meets in the reference ledger: its scopes' counts and limits, and the verdict."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, Self

from governor.model import Claim, Mode, ScopeCount

BUCKETS: Final = 360
"""An hour of them, 10 s each."""


@dataclass(slots=True)
class Counted:
    """What is counted in one scope; `peaks` by 10 s bucket, up to and with `bucket`."""

    in_use: int = 0
    granted: int = 0
    denied: int = 0
    shadow_denied: int = 0
    expired: int = 0
    overruns: int = 0
    bucket: int = -1
    peaks: dict[int, int] = field(default_factory=dict)

    def hold(self, weight: int, bucket: int) -> None:
        """Count `weight` more (or less) in the running `bucket`."""
        if bucket != self.bucket:
            self._turn(bucket)
        self.in_use += weight
        if self.in_use > self.peaks[bucket]:  # noqa: PLR1730 - twice as fast, and in every call
            self.peaks[bucket] = self.in_use

    def peak(self, bucket: int) -> int:
        """The highest of the hour that ends in `bucket`."""
        oldest = bucket - BUCKETS + 1
        if next(iter(self.peaks), oldest) >= oldest:  # nearly always, and much faster
            return max(self.in_use, max(self.peaks.values(), default=0))
        return max(self.in_use, *(peak for each, peak in self.peaks.items() if each >= oldest), 0)

    def hour(self, bucket: int) -> list[int]:
        """The highest of each bucket of the hour that ends in `bucket`, oldest first."""
        return [
            self.peaks.get(each, self.in_use if each > self.bucket else 0)
            for each in range(bucket - BUCKETS + 1, bucket + 1)
        ]

    def reported(self, bucket: int) -> ScopeCount:
        """Return the counts as the ledger tells them, with the peak of that hour."""
        return ScopeCount(
            self.in_use,
            self.peak(bucket),
            self.granted,
            self.denied,
            self.shadow_denied,
            self.expired,
            self.overruns,
        )

    def _turn(self, bucket: int) -> None:
        """Begin a bucket; in those since the last one what was held stayed as it was."""
        oldest = bucket - BUCKETS
        while self.peaks and (first := next(iter(self.peaks))) < oldest:
            del self.peaks[first]
        quiet = range(max(self.bucket + 1, oldest), bucket) if self.in_use else ()
        self.peaks |= dict.fromkeys((*quiet, bucket), self.in_use)
        self.bucket = bucket


@dataclass(frozen=True, slots=True)
class Stake:
    """A hold of a claim with its scope's counts; `limit` as it is for the claim's priority."""

    name: str
    scope: Counted
    weight: int
    limit: int | None
    shadow: bool


@dataclass(frozen=True, slots=True)
class Stakes:
    """A claim, ready to be decided on."""

    claim: Claim
    all: tuple[Stake, ...]
    weights: Mapping[str, int]

    @classmethod
    def of(cls, claim: Claim, scopes: dict[str, Counted]) -> Self:
        """Return those of `claim` in `scopes`, which gets the ones that it lacks."""
        stakes = tuple(
            Stake(
                hold.scope,
                scopes.setdefault(hold.scope, Counted()),
                hold.weight,
                hold.limits.limit_for(claim.priority),
                hold.limits.mode is Mode.SHADOW,
            )
            for hold in claim.holds
        )
        return cls(claim, stakes, {each.name: each.weight for each in stakes})

    def verdict(self) -> tuple[Stake | None, Stake | None]:
        """The first scope that denies, and the first that would if it were not a shadow."""
        shadow = None
        for each in self.all:
            if each.limit is None or each.scope.in_use + each.weight <= each.limit:
                continue
            if not each.shadow:
                return each, shadow
            shadow = shadow or each
        return None, shadow
