"""What was read of AWS before: used until it is too old, read again before that."""

from collections.abc import Callable, Iterable
from typing import Generic, TypeVar

K = TypeVar("K")
V = TypeVar("V")


class Shelf(Generic[K, V]):
    """Facts by key, each with the time when it was read, by the clock of the snapshots.

    That is the store's clock, which may be set back; then facts are as old as the jump is long.
    """

    def __init__(self, due_s: float, void_s: float) -> None:
        """Read again what is older than `due_s`; use nothing that is older than `void_s`."""
        self._due_s = due_s
        self._void_s = void_s
        self._facts: dict[K, tuple[float, V]] = {}

    def put(self, key: K, fact: V, at_s: float) -> None:
        """Keep `fact`, read at `at_s`."""
        self._facts[key] = at_s, fact

    def get(self, key: K, at_s: float) -> V | None:
        """What is known of `key` at `at_s`; None: nothing (any more)."""
        read_at_s, fact = self._facts.get(key, (None, None))
        return fact if read_at_s is not None and abs(at_s - read_at_s) <= self._void_s else None

    def unread(self, keys: Iterable[K], at_s: float) -> list[K]:
        """Those of `keys` of which nothing is known at `at_s`, in their order."""
        return [key for key in keys if self.get(key, at_s) is None]

    def due(self, keys: Iterable[K], at_s: float) -> list[K]:
        """Those of `keys` that are known and should be read again, the oldest first."""
        return [key for key in self.oldest(keys, at_s) if self._age_s(key, at_s) > self._due_s]

    def oldest(self, keys: Iterable[K], at_s: float) -> list[K]:
        """Those of `keys` that are known, the oldest first."""
        known = [key for key in keys if self.get(key, at_s) is not None]
        return sorted(known, key=lambda key: -self._age_s(key, at_s))

    def _age_s(self, key: K, at_s: float) -> float:
        return abs(at_s - self._facts[key][0])

    def expire(self, key: K) -> None:
        """Forget `key`: it has just been changed."""
        self._facts.pop(key, None)

    def keep_only(self, keys: Iterable[K]) -> None:
        """Forget what is not among `keys`, so that nothing grows."""
        wanted = set(keys)
        self._facts = {key: fact for key, fact in self._facts.items() if key in wanted}


class Fact(Generic[V]):
    """A single fact that is kept so."""

    def __init__(self, read: Callable[[], V], due_s: float, void_s: float) -> None:
        """Read it with `read`, as soon as it is `due_s` old; use it until it is `void_s` old."""
        self._read = read
        self._due_s = due_s
        self._void_s = void_s
        self._fact: tuple[float, V] | None = None

    def refresh(self, at_s: float) -> bool:
        """Read it if it is due. Returns whether it was; raises what `read` raises."""
        if self._fact is not None and abs(at_s - self._fact[0]) < self._due_s:
            return False
        self._fact = at_s, self._read()
        return True

    def get(self, at_s: float) -> V | None:
        """What is known at `at_s`; None: nothing (any more)."""
        if self._fact is None or abs(at_s - self._fact[0]) > self._void_s:
            return None
        return self._fact[1]

    def expire(self) -> None:
        """Forget it: it has just been changed."""
        self._fact = None
