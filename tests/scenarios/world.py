"""A whole account with a governor, for one scenario: everything in it is real but AWS itself.

    async with World(tmp_path, POLICY, limit=100) as world:
        world.function("api")
        load = world.fed("load")                            # a function, its queue, its pollers
        users = world.users("api", running=50, mean_s=2)    # load of users
        world.control()                                     # a controller; call it again for two
        burst = await world.burst(load, messages=300, work_s=1.5)
        await world.until(burst.is_done, "the background work is done", within_s=90)
        await world.until(world.is_as_before, "everything is as before", within_s=120)
        figures = await world.finish()                      # restores, and checks the invariants

What a scenario may take away or change: `store` (kill, freeze, restart), `governor`, `controllers`
(kill), `standin` (throttle, fail, deny, heal), `fleet` (what a person does in AWS's console),
`api` (the policy). Whatever runs is a task of `tasks`.
"""

import asyncio
import json
import random
import time
from collections import Counter
from collections.abc import Callable, Collection, Coroutine
from contextlib import AsyncExitStack
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

from governor.demo.aws.fleet import Fleet
from governor.demo.aws.moto import Moto
from governor.demo.aws.standin import StandIn
from governor.demo.pollers import Burst, Pollers
from governor.demo.region import MINUTE_S, Ended, Region
from governor.demo.traffic import Traffic
from governor.ledger.embedded import valkey_binary
from tests.governors import Governor, run
from tests.scenarios import figures, invariants
from tests.scenarios.async_events import AsyncEvents
from tests.scenarios.controllers import Controller
from tests.scenarios.environments import Environments
from tests.scenarios.figures import Figures
from tests.scenarios.watch import Watch
from tests.service.api import Api
from tests.stores import NO_PERSISTENCE, Server

POOL: Final = "scenario"
TIMEOUT_S: Final = 6
"""Every function's that takes no longer."""

VISIBILITY_S: Final = 6 * TIMEOUT_S
"""What AWS advises."""

RECEIVES: Final = 5
"""The least that AWS advises before a message is given up."""

INTERVAL_S: Final = 2.0
"""Of the controller. By default it is 10 s, but AWS's minutes take longer than here, too."""

LOOK_S: Final = 0.5
"""How often a condition that is waited for is looked at."""

CHECK_IN_MS: Final = 2000
"""The layer's patience: a machine that runs several scenarios at once may be slow."""


class World:
    """Enter it, populate it, watch it, `finish` it. All of its processes end with it."""

    def __init__(self, directory: Path, policy: str, *, limit: int = 1000) -> None:
        """Have an account with so much concurrency, governed by `policy` (YAML)."""
        self._directory = directory
        self._policy = policy
        self._limit = limit
        self._open = AsyncExitStack()
        self._random = random.Random(7)
        self._before: invariants.Settings = {}
        self._sent: Counter[str] = Counter()
        self._timeouts_s: dict[str, int] = {}
        self._environments: list[Environments] = []
        self.bursts: list[Burst] = []
        self.pollers: list[Pollers] = []
        self.traffic: list[Traffic] = []
        self.controllers: list[Controller] = []
        self.watch = Watch()

    async def __aenter__(self) -> Self:
        """Start everything but a controller."""
        async with AsyncExitStack() as opened:
            self.moto = Moto(self._directory / "moto")
            opened.callback(self.moto.close)
            self.standin = opened.enter_context(StandIn(self.moto))
            self.standin.state.limit = self._limit
            self.standin.state.settle_s = MINUTE_S
            self.fleet = opened.enter_context(Fleet(self.moto))
            self.store = opened.enter_context(Server(valkey_binary(), *NO_PERSISTENCE))
            self.governor = opened.enter_context(
                Governor("--store", self.store.url, "--pool", POOL)
            )
            self.api = await opened.enter_async_context(Api(self.governor.url))
            await self.api.set_policy(self._policy)
            self.region = Region(self.standin.state, self._start)
            opened.push_async_callback(self._close)
            self.tasks = await opened.enter_async_context(asyncio.TaskGroup())
            self._cpu_s = figures.cpu_s()
            self._running = [
                self.tasks.create_task(self.watch.run(self.api, self.standin)),
                self.tasks.create_task(self.region.tell(self.fleet)),
            ]
            opened.callback(self._stop)
            self._open = opened.pop_all()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """End everything. If that comes too soon, show how things stand."""
        if error is not None:
            self._show(await asyncio.to_thread(self._figures))
        await self._open.__aexit__(kind, error, trace)

    def function(self, name: str, timeout_s: int = TIMEOUT_S) -> None:
        """Make a function."""
        self._timeouts_s[name] = timeout_s
        self.fleet.function(name, timeout_s)

    def fed(self, name: str, **settings: Any) -> Pollers:
        """Make a function and a queue that feeds it, by a mapping with such `settings`."""
        self.function(name)
        uuid = self.fleet.driven(name, RECEIVES, VISIBILITY_S, **settings)
        pollers = Pollers(self.region, self.fleet, self.standin.state, uuid)
        self.pollers.append(pollers)
        self._run(pollers.run())
        return pollers

    def users(self, function: str, running: float, mean_s: float) -> Traffic:
        """Have users whose requests keep `running` invocations of `function` on average."""
        traffic = Traffic(self.region, function, running, mean_s)
        self.traffic.append(traffic)
        self._run(traffic.run())
        return traffic

    def events(self, function: str) -> AsyncEvents:
        """Have a queue of asynchronous invocations before `function`."""
        events = AsyncEvents(self.region, function)
        self._run(events.run())
        return events

    def control(self, interval_s: float = INTERVAL_S) -> Controller:
        """Start a controller; the first one leads. What is in the account now is to come back.

        In AWS it is `controller0`, `controller1`…: that is the access key of its calls.
        """
        if not self.controllers:
            self._before = invariants.settings(self.fleet, self.standin)
        name = f"controller{len(self.controllers)}"
        controller = Controller(
            self._directory / name,
            self.where,
            interval_s,
            AWS_ACCESS_KEY_ID=name,
            AWS_ENDPOINT_URL=self.standin.url,
        )
        self.controllers.append(controller)
        self._open.callback(controller.close)
        return controller

    @property
    def where(self) -> list[str]:
        """The options that lead a command to the pool."""
        return ["--store", self.store.url, "--pool", POOL]

    async def burst(self, pollers: Pollers, messages: int, work_s: float) -> Burst:
        """Send `messages` at once, which ask for `work_s` of work each, a third more or less."""
        bodies = [
            json.dumps({"work_s": self._random.uniform(work_s * 2 / 3, work_s * 4 / 3)})
            for _ in range(messages)
        ]
        await self.region.warm(pollers.function)
        self._sent[pollers.function] += messages
        burst = Burst(pollers, self._sent[pollers.function], time.time())
        self.bursts.append(burst)
        await pollers.send(bodies)
        return burst

    def maximum(self, pollers: Pollers) -> int | None:
        """What was last set as the mapping's MaximumConcurrency, settled or not."""
        return self.fleet.state(pollers.uuid).get("ScalingConfig", {}).get("MaximumConcurrency")

    async def until(self, condition: Callable[[], bool], what: str, within_s: float) -> None:
        """Return as soon as `condition` holds, which may block; fail, saying `what`, after that."""
        give_up_at = time.monotonic() + within_s
        while not await asyncio.to_thread(condition):
            assert time.monotonic() < give_up_at, f"after {within_s:.0f} s still not: {what}"
            await asyncio.sleep(LOOK_S)

    def is_as_before(self) -> bool:
        """Whether the account is as it was before the first controller."""
        return invariants.settings(self.fleet, self.standin) == self._before

    async def finish(self, *, theirs: Collection[str] = ()) -> Figures:
        """Show and return the figures; put everything back; check what must hold in any scenario.

        What people have made of the functions `theirs` meanwhile is not put back.
        """
        await self._hear()
        found = await asyncio.to_thread(self._figures)
        self._show(found)
        await self._restore(theirs)
        invariants.check(self.watch, len(self.controllers))
        return found

    async def _hear(self) -> None:
        """Wait until a controller has told what it has done until now, if there is one."""
        now_s = time.time()
        if any(each.is_running for each in self.controllers):
            await self.until(lambda: self.watch.report.get("at_s", 0) > now_s, "a report", 30)

    async def _restore(self, theirs: Collection[str]) -> None:
        ended = await asyncio.to_thread(
            run, "controller", "restore", *self.where, AWS_ENDPOINT_URL=self.standin.url
        )
        assert ended.returncode == (1 if theirs else 0), ended
        after = await asyncio.to_thread(invariants.settings, self.fleet, self.standin)
        for name, settings in self._before.items():
            assert name in theirs or after[name] == settings, (name, settings, after[name])

    def _start(self, function: str) -> Environments:
        environments = Environments(
            function,
            self._timeouts_s[function],
            self._directory / f"{function}.log",
            GOVERNOR_URL=self.governor.url,
            GOVERNOR_TIMEOUT_MS=f"{CHECK_IN_MS}",
        )
        self._environments.append(environments)
        return environments

    async def _close(self) -> None:
        for each in self._environments:
            await each.close()

    def _run(self, coroutine: Coroutine[Any, Any, None]) -> None:
        self._running.append(self.tasks.create_task(coroutine))

    def _stop(self) -> None:
        for task in self._running:
            task.cancel()

    def _figures(self) -> Figures:
        users: Counter[Ended] = Counter()
        for traffic in self.traffic:
            users += traffic.ended
        asked = {traffic.function for traffic in self.traffic}
        batches: Counter[Ended] = Counter()
        for function, ended in self.region.ended.items():
            batches += Counter() if function in asked else ended
        self.watch.count(self.standin)
        run_s = time.time() - self.watch.began_s
        began_s = self.bursts[0].began_s if self.bursts else self.watch.began_s
        actions = {text: at_s for text, at_s in self.watch.actions().items() if "→" in text}
        finished_s = max((each.finished_s for each in self.pollers), default=0.0)
        is_back = bool(actions) and self.is_as_before()
        return Figures(
            users_done=users[Ended.DONE],
            users_denied=users[Ended.DENIED],
            users_throttled=users[Ended.THROTTLED],
            users_failed=users[Ended.FAILED],
            users_added_p99_ms=figures.p99([ms for each in self.traffic for ms in each.added_ms]),
            batches_done=batches[Ended.DONE],
            batches_denied=batches[Ended.DENIED],
            batches_throttled=batches[Ended.THROTTLED],
            batches_failed=batches[Ended.FAILED],
            dead_letters=sum(self.fleet.depth(f"{each.queue}-dead") for each in self.pollers),
            failed_open=sum(each.logged("breaker opened") for each in self._environments),
            overruns=self.watch.scopes.get("account", {}).get("overruns", 0),
            pool_peak=self.region.peak,
            background_took_s=finished_s - began_s if finished_s else None,
            cut_after_s=min(actions.values()) - began_s if actions else None,
            put_back_after_s=max(actions.values()) - began_s if is_back else None,
            cycles=len(self.watch.cycles),
            calls=len(self.standin.asked),
            lambda_calls=self.watch.asked[-1][1],
            lambda_budget=invariants.budget(run_s, len(self.controllers)),
            run_s=run_s,
            cpu_percent=100 * (figures.cpu_s() - self._cpu_s) / run_s,
        )

    def _show(self, found: Figures) -> None:
        figures.show(self._directory.name, found)
        began_s = self.bursts[0].began_s if self.bursts else self.watch.began_s
        for (kind, text), at_s in self.watch.events.items():
            print(f"{at_s - began_s:7.1f} s  {kind:8} {text}")  # noqa: T201 - for whoever looks
