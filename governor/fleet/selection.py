"""Which functions are meant: by name, pattern, tag or stack. Pure."""

from collections.abc import Callable
from dataclasses import dataclass
from fnmatch import fnmatchcase

from governor.errors import InvalidInputError
from governor.fleet.function import Fleet, Function


@dataclass(frozen=True, slots=True)
class Selection:
    """Functions that have one of the `names`, all of the `tags` and one of the `stacks`.

    `names` are names or patterns with *, ? and [seq]. What is empty selects all.
    """

    names: tuple[str, ...] = ()
    tags: tuple[tuple[str, str], ...] = ()
    stacks: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        """Whether anything is said at all."""
        return bool(self.names or self.tags or self.stacks)

    def of(self, fleet: Fleet) -> tuple[Function, ...]:
        """Return who is meant, in the fleet's order.

        Raises:
            InvalidInputError: nothing is of a name, tag or stack that was given, nothing is of all
                of them, or the tags could not be read and some were given.

        """
        functions = fleet.functions
        if (self.tags or self.stacks) and any(each.tags is None for each in functions):
            why = "; ".join(each for each in fleet.missing if each.startswith("tags"))
            raise InvalidInputError("", f"can't select by tag or stack: {why}")
        for name in self.names:
            _check_any(fleet, f"is called {name}", lambda each, name=name: _is(each, name))  # type: ignore[misc]
        for key, value in self.tags:
            _check_any(
                fleet,
                f"has the tag {key}={value}",
                lambda each, key=key, value=value: _has(each, key, value),  # type: ignore[misc]
            )
        for stack in self.stacks:
            _check_any(
                fleet,
                f"is of the stack {stack}",
                lambda each, stack=stack: each.stack == stack,  # type: ignore[misc]
            )
        meant = tuple(each for each in functions if self._means(each))
        if self and not meant:
            raise InvalidInputError("", f"no function in {fleet.place} is all of what you name")
        return meant

    def _means(self, function: Function) -> bool:
        return (
            (not self.names or any(_is(function, name) for name in self.names))
            and all(_has(function, key, value) for key, value in self.tags)
            and (not self.stacks or function.stack in self.stacks)
        )


def _check_any(fleet: Fleet, what: str, fits: Callable[[Function], bool]) -> None:
    if not any(fits(each) for each in fleet.functions):
        raise InvalidInputError("", f"no function in {fleet.place} {what}")


def _is(function: Function, name: str) -> bool:
    return fnmatchcase(function.name, name)


def _has(function: Function, key: str, value: str) -> bool:
    return (function.tags or {}).get(key) == value
