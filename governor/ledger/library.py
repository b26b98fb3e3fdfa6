"""The ledger's rules as a Redis function library, put together from `lua/`.

The library is named after its own text, so replicas of two releases each call their own functions
on the same data (rule 15), and a changed library can't meet an old one under the same name.
"""

from dataclasses import dataclass
from hashlib import sha256
from importlib.resources import files
from typing import Final

PARTS: Final = (
    "clock",
    "book",
    "peaks",
    "leases",
    "queue",
    "exchange",
    "policy",
    "controller",
    "chronicle",
    "register",
)


@dataclass(frozen=True, slots=True)
class Library:
    """A Redis function library: its name and its source."""

    name: str
    source: str

    @property
    def exchange(self) -> str:
        """Name of the function that performs a list of operations."""
        return f"{self.name}_exchange"

    @property
    def give_back(self) -> str:
        """Name of the function that performs releases, even in a store whose memory is full."""
        return f"{self.name}_give_back"

    @property
    def put_policy(self) -> str:
        """Name of the function that replaces the policy."""
        return f"{self.name}_put_policy"

    @property
    def lead(self) -> str:
        """Name of the function that makes a controller the leader, or keeps it."""
        return f"{self.name}_lead"

    @property
    def record(self) -> str:
        """Name of the function that writes what only the leader may."""
        return f"{self.name}_record"

    @property
    def resign(self) -> str:
        """Name of the function that ends a leadership."""
        return f"{self.name}_resign"

    @property
    def note(self) -> str:
        """Name of the function that keeps a sample of the pool."""
        return f"{self.name}_note"

    @property
    def tell(self) -> str:
        """Name of the function that adds to the denials of the running minute."""
        return f"{self.name}_tell"


def part(name: str) -> str:
    """Return the text of one of the library's parts."""
    return (files("governor.ledger") / "lua" / f"{name}.lua").read_text(encoding="utf-8")


def assemble(parts: dict[str, str]) -> Library:
    """Join `parts` (name → text), in the order of `PARTS`, to a library."""
    body = "\n".join(parts[name] for name in PARTS)
    name = f"governor_{sha256(body.encode()).hexdigest()[:12]}"
    return Library(name, f"#!lua name={name}\nlocal NAME = '{name}'\n\n{body}")


def shipped() -> Library:
    """Return the library that the product runs on."""
    return assemble({name: part(name) for name in PARTS})
