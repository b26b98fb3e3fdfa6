"""A function's execution environments on AWS's emulator."""

import asyncio
from collections import deque
from collections.abc import Callable
from concurrent.futures import Executor
from contextlib import ExitStack
from types import TracebackType
from typing import Any, Final, Self

from governor.demo.environment import EnvironmentStartError, ExecutionEnvironment
from governor.demo.region import Ended, ended

WARM_UP: Final = {"body": '{"work_s": 0}'}


class Emulated:
    """Environments that can be invoked; one more is started whenever all of them are busy.

    A context manager: left, all are gone. Each invocation takes a thread of `threads`, which must
    outlive it: an environment ends with the thread that started it.
    """

    def __init__(self, make: Callable[[], ExecutionEnvironment], threads: Executor) -> None:
        """Have environments made by `make`."""
        self._make = make
        self._threads = threads
        self._idle: deque[ExecutionEnvironment] = deque()
        self._open = ExitStack()

    def __enter__(self) -> Self:
        """Nothing runs yet."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """End all environments."""
        self._open.close()

    def prepare(self, count: int) -> None:
        """Start `count` environments and initialise their runtimes: cold starts are no part of it.

        Raises:
            EnvironmentStartError: one of them can't be started.

        """
        started = [self._start() for _ in range(count)]
        for answer in self._threads.map(lambda each: each.invoke(WARM_UP), started):
            if ended(answer.body) is Ended.FAILED:
                raise EnvironmentStartError(
                    f"a function of the demo does not work; its first answer: {answer.body}"
                )
        self._idle += started

    async def warm(self) -> None:
        """Nothing to do: they were prepared."""

    async def invoke(self, event: object) -> Any:
        """Run an invocation; return what AWS hears of it.

        Raises:
            EnvironmentStartError: its environment is gone, or can't be started.

        """
        return await asyncio.get_running_loop().run_in_executor(self._threads, self._invoke, event)

    def _invoke(self, event: object) -> Any:
        try:
            environment = self._idle.pop()
        except IndexError:
            environment = self._start()
        answer = environment.invoke(event)
        self._idle.append(environment)
        return answer.body

    def _start(self) -> ExecutionEnvironment:
        return self._open.enter_context(self._make())
