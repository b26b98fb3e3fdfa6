"""The execution environments of one function: a process with the layer, started when first used."""

import asyncio
import itertools
import json
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from governor.layer.archive import sources
from governor.lifeline import tied

PROGRAM: Final = Path(__file__).with_name("environment.py")
_ANSWER_LIMIT: Final = 1 << 20


class Environments:
    """Runs invocations of a function, as many at a time as are asked for."""

    def __init__(self, function: str, timeout_s: int, output: Path, **variables: str) -> None:
        """Run `function` with the environment `variables`; what it logs goes to `output`."""
        self._timeout_ms = timeout_s * 1000
        self._output = output
        self._variables: Mapping[str, str] = {
            "PATH": os.environ["PATH"],
            "PYTHONPATH": f"{sources() / 'python'}",
            "AWS_LAMBDA_FUNCTION_NAME": function,
            **variables,
        }
        self._ids = itertools.count(1)
        self._waiting: dict[str, asyncio.Future[dict[str, Any]]] = {}
        self._starting = asyncio.Lock()
        self._ready = asyncio.Event()
        self._process: asyncio.subprocess.Process | None = None
        self._reader: asyncio.Task[None] | None = None

    async def invoke(self, event: object) -> dict[str, Any]:
        """Run an invocation; return its result, or its `errorType` and `errorMessage`."""
        await self.warm()
        assert self._process is not None
        assert self._process.stdin is not None
        request_id = f"{next(self._ids):08x}-7b61-11e6-9a41-93e8deadbeef"
        answer: asyncio.Future[dict[str, Any]] = asyncio.get_running_loop().create_future()
        self._waiting[request_id] = answer
        line = {"id": request_id, "timeout_ms": self._timeout_ms, "event": event}
        self._process.stdin.write(json.dumps(line).encode() + b"\n")
        return await answer

    def logged(self, message: str) -> int:
        """How often the layer has logged `message`."""
        text = self._output.read_text(errors="replace") if self._output.exists() else ""
        return text.count(f'"message": "governor: {message}"')

    async def close(self) -> None:
        """End the process. It must not have stumbled."""
        if self._process is None or self._reader is None:
            return
        self._process.terminate()  # it may be in the middle of the work of users that have left
        await self._process.wait()
        await self._reader
        text = self._output.read_text(errors="replace")
        assert "Traceback" not in text, text

    async def warm(self) -> None:
        """Start the process, unless it runs."""
        async with self._starting:
            if self._process is None:
                with self._output.open("wb") as output:
                    self._process = await asyncio.create_subprocess_exec(
                        *tied([sys.executable, f"{PROGRAM}"]),
                        env=self._variables,
                        stdin=asyncio.subprocess.PIPE,
                        stdout=asyncio.subprocess.PIPE,
                        stderr=output,
                        limit=_ANSWER_LIMIT,
                    )
                assert self._process.stdout is not None
                self._reader = asyncio.create_task(self._read(self._process.stdout))
                await self._ready.wait()

    async def _read(self, answers: asyncio.StreamReader) -> None:
        async for line in answers:
            if not self._ready.is_set():
                self._ready.set()
                continue
            answer = json.loads(line)
            waiting = self._waiting.pop(answer["id"])
            if not waiting.done():
                waiting.set_result(answer.get("result", answer))
        self._ready.set()
        for waiting in self._waiting.values():
            waiting.cancel()
