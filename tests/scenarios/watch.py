"""What a scenario sees of the governor while it runs, once a second, from outside: its status."""

import asyncio
import time
from dataclasses import dataclass, field
from typing import Any, Final

from aiohttp import ClientError

from governor.demo.aws.standin import StandIn
from tests.service.api import Api

EVERY_S: Final = 1.0

_APART: Final = "lambda:GetFunction"
"""It has a quota of its own."""


@dataclass(slots=True)
class Watch:
    """The samples, summed up. Times are seconds since 1970."""

    began_s: float = field(default_factory=time.time)
    events: dict[tuple[str, str], float] = field(default_factory=dict)
    """By kind and text: when it was told first."""
    arrived: dict[str, float] = field(default_factory=dict)
    """By text of an action: when AWS was seen to have done it, the first time."""
    budgets: list[dict[str, int]] = field(default_factory=list)
    allowed: dict[str, list[int | None]] = field(default_factory=dict)
    """What each function's mapping was allowed, changes only."""
    scopes: dict[str, dict[str, Any]] = field(default_factory=dict)
    """As last seen."""
    exceeded: list[str] = field(default_factory=list)
    """Where in_use was above the limit and the counted overruns don't explain it."""
    cycles: set[float] = field(default_factory=set)
    asked: list[tuple[float, int]] = field(default_factory=list)
    """How many calls of Lambda's control plane had been made at which time."""
    report: dict[str, Any] = field(default_factory=dict)
    """The controller's last one."""

    async def run(self, api: Api, standin: StandIn) -> None:
        """Look for as long as this is run."""
        while True:
            self.count(standin)
            try:
                reply = await api.get("/v1/status")
            except (ClientError, TimeoutError):
                pass  # a scenario may take anything away for a while
            else:
                if reply.status == 200:
                    self._see(reply.json)
            await asyncio.sleep(EVERY_S)

    def count(self, standin: StandIn) -> None:
        """Take note of the calls so far."""
        calls = sum(each.startswith("lambda:") and each != _APART for each in standin.asked)
        self.asked.append((time.time(), calls))

    def actions(self) -> dict[str, float]:
        """What the controller has done, with the time."""
        return {text: at_s for (kind, text), at_s in self.events.items() if kind == "action"}

    def _see(self, status: dict[str, Any]) -> None:
        for scope in status["scopes"]:
            self.scopes[scope["scope"]] = scope
            most = scope["max_concurrency"]
            if most is not None and scope["in_use"] > most + scope["overruns"]:
                self.exceeded.append(f"{scope['scope']}: {scope['in_use']} of {most}")
        report = status["controller"]["report"]
        if not report:
            return
        self.report = report
        self.cycles.add(report["at_s"])
        for event in report["events"]:
            self.events.setdefault((event["kind"], event["text"]), event["at_s"])
            if event["arrived_s"] is not None:
                self.arrived.setdefault(event["text"], event["arrived_s"])
        if report["budget"] and report["budget"] not in self.budgets[-1:]:
            self.budgets.append(report["budget"])
        for mapping in report["mappings"]:
            seen = self.allowed.setdefault(mapping["function"], [])
            if mapping["allowed"] not in seen[-1:]:
                seen.append(mapping["allowed"])
