"""Concurrency that functions draw on: the account's unreserved part, or a reservation."""


class Pool:
    """So many invocations at a time, whoever they are of.

    `peak` is the highest `in_use` since somebody last set it back.
    """

    __slots__ = ("in_use", "limit", "peak")

    def __init__(self, limit: int) -> None:
        """Allow `limit` at a time."""
        self.limit = limit
        self.in_use = 0
        self.peak = 0
