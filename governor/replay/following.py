"""Follows a live governor and records it."""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import msgspec

from governor.client import Api, ApiError
from governor.facts import Facts
from governor.policy import Policy, parse_json
from governor.replay import form
from governor.replay.looks import Looks
from governor.replay.shelf import Shelf
from governor.service.bodies.status import StatusAnswer

RETRY_S: Final = 1.0
LOOK_AT_POLICY_S: Final = 30.0
"""A change of the policy, or of the facts, is found after so long at most."""

REFUSED: Final = range(400, 500)


@dataclass(slots=True)
class Recorded:
    """What a recorder has done so far."""

    lines: int = 0
    gaps: int = 0
    """After the first line: the governor, or the way to it, was away."""


class Recorder:
    """Writes what the governor behind `api` streams to `shelf`."""

    def __init__(self, api: Api, shelf: Shelf, tell: Callable[[str], None]) -> None:
        """Tell the user of outages with `tell`."""
        self.recorded = Recorded()
        self._api = api
        self._shelf = shelf
        self._tell = tell
        self._looks = Looks()
        self._header = b""
        self._header_due = 0.0

    async def follow(self) -> None:
        """Record until cancelled, over restarts of the governor.

        Raises `ApiError` when it can't be reached at first, or refuses; `OSError` when the shelf
        can't be written.
        """
        while True:
            try:
                await self._record()
                self._tell("the governor ended the stream; trying again")
            except ApiError as error:
                if not self.recorded.lines or error.status in REFUSED:
                    raise
                self._tell(f"{error}; trying again")
            await asyncio.sleep(RETRY_S)
            self._header_due = 0.0

    async def _record(self) -> None:
        async for _, data in self._api.events("/v1/stream", {"status": StatusAnswer}):
            # Writing and packing may wait for a disk; the stream may wait for that.
            await self._write(data, time.time_ns() // 1_000_000)

    async def _write(self, status: dict[str, Any], at_ms: int) -> None:
        is_new = await self._look_at_policy(status)
        line = self._looks.line(status, at_ms)
        self.recorded.gaps += line.gap and self.recorded.lines > 0
        self.recorded.lines += 1
        if is_new or self._shelf.is_full(at_ms):
            await asyncio.to_thread(self._shelf.begin, self._header, at_ms)
            line = self._looks.whole(line)
        self._shelf.write(form.encode(line))

    async def _look_at_policy(self, status: dict[str, Any]) -> bool:
        """Look at the policy and the facts when it is time; return whether they have changed."""
        if time.monotonic() < self._header_due:
            return False
        policy = await self._api.call("GET", "/v1/policy", shape=Policy)
        facts = await self._api.call("GET", "/v1/facts", shape=Facts)
        before, self._header = self._header, _header(policy, facts, status)
        self._header_due = time.monotonic() + LOOK_AT_POLICY_S
        return self._header != before


def _header(policy: Any, facts: Any, status: dict[str, Any]) -> bytes:
    report = status["controller"]["report"] or {}
    fed = frozenset(mapping["function"] for mapping in report.get("mappings", ()))
    return form.header(_policy(policy), _facts(facts), fed)


def _policy(answer: Any) -> Policy:
    return parse_json(msgspec.json.encode(answer))


def _facts(answer: Any) -> Facts:
    return msgspec.json.decode(msgspec.json.encode(answer), type=Facts)
