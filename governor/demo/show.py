"""The demo itself: the same load without and with the governor, and what came of it."""

import asyncio
import importlib.util
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Final

from rich.console import Console

from governor.demo.aws.moto import MotoStartError
from governor.demo.environment import LAYER, EnvironmentStartError
from governor.demo.fleet import policy
from governor.demo.page import page
from governor.demo.recorder import Recorder
from governor.demo.report import findings, table
from governor.demo.rie import EmulatorMissingError
from governor.demo.script import Act, Script
from governor.demo.serving import NotServingError
from governor.demo.theatre import Scene, theatre
from governor.demo.view import View, verdict, view
from governor.errors import GovernorError

REQUIRED: Final = {
    "awslambdaric": "AWS's Python runtime for Lambda",
    "moto": "which stands for the rest of AWS",
    "flask_cors": "which moto's server needs",
}

EXPECTED: Final = (EmulatorMissingError, EnvironmentStartError, MotoStartError, NotServingError)

ENCORE_S: Final = 90.0
"""From one burst to the next while the demo is kept running."""


class DemoSetupError(GovernorError):
    """Something that the demo needs is not there, does not start, or has gone."""


def show(
    script: Script, console: Console, report_file: Path, *, headless: bool, keep: bool
) -> bool:
    """Play the `script`; True when all went as it must. The report is written to `report_file`.

    Call it from the main thread. Without a terminal it is `headless` in any case. With `keep` the
    governed part goes on until Ctrl-C.

    Raises:
        DemoSetupError: it can't be run here.

    """
    try:
        _check_installed()
        with theatre(console) as (without, governed):
            play = Play(script, without, governed)
            try:
                asyncio.run(play.run(console, report_file, headless=headless, keep=keep))
            except KeyboardInterrupt:
                if not keep or play.found is None:
                    raise
    except EXPECTED as error:
        raise DemoSetupError(f"{error}") from error
    except ExceptionGroup as group:
        expected = group.subgroup(EXPECTED)
        if expected is None:
            raise
        raise DemoSetupError(f"{_first(expected)}") from group
    return play.found == []


class Play:
    """Both acts, one after the other, and what is `found` to be wrong after them."""

    def __init__(self, script: Script, without: Scene, governed: Scene) -> None:
        """Begin with nothing played."""
        self.found: list[str] | None = None
        self._policy = policy()
        self._acts = (
            (without, script.without, Recorder(without, script.without)),
            (governed, script.governed, Recorder(governed, script.governed)),
        )

    async def run(self, console: Console, report_file: Path, *, headless: bool, keep: bool) -> None:
        """Play, judge, and go on if it is to be kept."""
        async with AsyncExitStack() as running:
            with view(
                console,
                headless=headless or not console.is_terminal,
                axis_s=max(act.length_s for _, act, _ in self._acts),
                limit=self._policy.account.max_concurrency or 0,
            ) as shown:
                for scene, act, recorder in self._acts:
                    await running.aclose()  # the act before
                    await running.enter_async_context(scene.stage.running())
                    await self._act(scene, act, recorder, shown)
            self._judge(console, report_file)
            if keep:
                await self._go_on(console)

    async def _act(self, scene: Scene, act: Act, recorder: Recorder, shown: View) -> None:
        async with asyncio.TaskGroup() as tasks:
            going_on = [
                tasks.create_task(recorder.run()),
                tasks.create_task(self._show(shown)),
                tasks.create_task(_burst(scene, act)),
            ]
            await asyncio.sleep(act.length_s)
            for task in going_on:
                task.cancel()

    async def _show(self, shown: View) -> None:
        (_, _, without), (_, _, governed) = self._acts
        while True:
            await asyncio.sleep(shown.every_s)
            shown.show(without.samples, governed.samples, governed.events)

    def _judge(self, console: Console, report_file: Path) -> None:
        without, governed = (recorder.recording() for _, _, recorder in self._acts)
        rows = table(self._policy, without, governed)
        self.found = findings(self._policy, without, governed)
        console.print(verdict(rows, self.found))
        report_file.write_text(page(self._policy, without, governed, rows, self.found))
        console.print(f"Report, to open in a browser: {report_file.resolve()}", soft_wrap=True)

    async def _go_on(self, console: Console) -> None:
        scene, act, _ = self._acts[-1]
        assert scene.governor is not None  # noqa: S101 - the last one is governed
        console.print(
            f"Dashboard: {scene.governor.url}/\n"
            f"Users keep coming, and every {ENCORE_S:.0f} s a burst. Ctrl-C ends it all."
        )
        while True:
            await scene.stage.burst(act.messages)
            await asyncio.sleep(ENCORE_S)


async def _burst(scene: Scene, act: Act) -> None:
    await asyncio.sleep(act.burst_at_s)
    await scene.stage.burst(act.messages)


def _check_installed() -> None:
    for package, what in REQUIRED.items():
        if importlib.util.find_spec(package) is None:
            raise DemoSetupError(
                f"{package}, {what}, is not installed: install the extra `demo`, or run `make demo`"
            )
    if not LAYER.is_dir():
        raise DemoSetupError(f"there is no layer in {LAYER}: run the demo in the source tree")


def _first(error: BaseException) -> BaseException:
    """The first of the errors in a group, however deep."""
    return _first(error.exceptions[0]) if isinstance(error, BaseExceptionGroup) else error
