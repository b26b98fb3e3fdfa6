"""The way back from an attached function to what it was, as the function's tags tell it. Pure."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final, Self

from governor.errors import GovernorError
from governor.layer.contents import WRAPPER_VARIABLE

TAG: Final = "governor:attached"
VARIABLES_TAG: Final = "governor:attached-variables"

_TIME: Final = "%Y-%m-%dT%H:%M:%SZ"
_FIRST: Final = re.compile(r"layer=(?P<layer>\S+) former=(?P<former>none|\d+) at=(?P<at>\S+)")
_OURS: Final = re.compile(rf"GOVERNOR_\w+|{WRAPPER_VARIABLE}")
"""Variables that may have been added; whoever names another one in a tag would have it removed."""


class EditedTagError(GovernorError):
    """Our tags say what we would not: somebody has edited them."""


@dataclass(frozen=True, slots=True)
class Memory:
    """The way back: the layer (its ARN without the version) and the variables that were added.

    `former` is the version of the layer that the function had before, if any; `at_s` is when the
    governor was attached or exchanged last.
    """

    layer: str
    former: int | None
    variables: frozenset[str]
    at_s: int

    @property
    def tags(self) -> Mapping[str, str]:
        """It as tags, of the characters that AWS takes in them and within their 256."""
        at = datetime.fromtimestamp(self.at_s, UTC).strftime(_TIME)
        former = "none" if self.former is None else self.former
        return {
            TAG: f"layer={self.layer} former={former} at={at}",
            VARIABLES_TAG: " ".join(sorted(self.variables)),
        }

    @classmethod
    def of(cls, tags: Mapping[str, str]) -> Self | None:
        """Read a function's tags; None if it has none of ours. Raises `EditedTagError`."""
        if TAG not in tags:
            return None
        found = _FIRST.fullmatch(tags[TAG])
        try:
            names = frozenset(tags.get(VARIABLES_TAG, "?").split())
            if found is None or not all(_OURS.fullmatch(name) for name in names):
                raise ValueError(tags[TAG])  # noqa: TRY301 - one sentence for every defect
            at = datetime.strptime(found["at"], _TIME).replace(tzinfo=UTC)
        except ValueError as error:
            raise EditedTagError(
                f"somebody has edited the tags {TAG} and {VARIABLES_TAG}: put them right, or take "
                "the layer and its variables out by hand and remove both"
            ) from error
        former = None if found["former"] == "none" else int(found["former"])
        return cls(found["layer"], former, names, int(at.timestamp()))

    def covers(self, other: "Memory") -> bool:
        """Whether going back by it also undoes what `other` would."""
        return other.variables <= self.variables and other.at_s == self.at_s
