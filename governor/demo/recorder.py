"""Watches a scene while an act is played, and writes down what it sees."""

import asyncio
import time
from typing import Final

from governor.demo.fleet import BACKGROUND
from governor.demo.recording import Event, Recording, Sample
from governor.demo.script import Act
from governor.demo.serving import Serving
from governor.demo.theatre import Scene
from governor.demo.watch import read
from governor.report import Report

SAMPLE_EVERY_S: Final = 0.25
ASK_EVERY_S: Final = 1.0
"""How often the governor is asked what its controller does."""

TOLD: Final = frozenset({"action", "warning", "error"})
"""Kinds of the controller's events that have to do with the show."""


class Recorder:
    """What an act has shown so far."""

    def __init__(self, scene: Scene, act: Act) -> None:
        """Record `act`, played in `scene`, and what the controller says if there is one."""
        self.samples: list[Sample] = []
        self.events: list[Event] = []
        self._scene = scene
        self._act = act
        self._allowed: dict[str, int | None] = {}

    async def run(self) -> None:
        """Record for as long as this is run."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._sample())
            if self._scene.governor is not None:
                tasks.create_task(self._ask(self._scene.governor))

    def recording(self) -> Recording:
        """All that is known of the act; the handlers' notes are read now."""
        began_ns = self._scene.stage.began_ns
        runs = [run for run in read(self._scene.journals) if run.began_ns >= began_ns]
        return Recording(
            self._act, self.samples, runs, self.events, tuple(self._scene.stage.errors)
        )

    async def _sample(self) -> None:
        while True:
            allowed = [self._allowed.get(each.name) for each in BACKGROUND]
            self.samples.append(self._scene.stage.sample(tuple(allowed)))
            await asyncio.sleep(SAMPLE_EVERY_S)

    async def _ask(self, governor: Serving) -> None:
        while True:
            status = await asyncio.to_thread(governor.status)
            if status.controller.report is not None:
                self._hear(status.controller.report)
            await asyncio.sleep(ASK_EVERY_S)

    def _hear(self, report: Report) -> None:
        self._allowed = {each.function: each.allowed for each in report.mappings}
        began_s = time.time() - self._scene.stage.passed_s
        known = {each.text for each in self.events}
        self.events += [
            Event(each.at_s - began_s, each.text)
            for each in report.events
            if each.kind in TOLD and each.at_s >= began_s and each.text not in known
        ]
