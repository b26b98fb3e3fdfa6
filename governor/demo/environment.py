"""One Lambda execution environment: AWS's emulator, AWS's Python runtime, and the layer."""

import json
import os
import shlex
import signal
import socket
import subprocess
import sys
import tempfile
import textwrap
import threading
import time
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from enum import Enum, auto
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

from governor.demo.ports import free_ports
from governor.errors import GovernorError
from governor.layer.archive import sources
from governor.lifeline import tied

LAYER: Final = sources()
"""What becomes /opt in Lambda."""

INVOKE: Final = "/2015-03-31/functions/function/invocations"
START_ATTEMPTS: Final = 5
START_TIMEOUT_S: Final = 10.0
STOP_TIMEOUT_S: Final = 5.0
INIT_TIMEOUT_S: Final = 10.0
"""What AWS allows a function to initialise in, on top of its timeout."""

FROM_HOST: Final = ("PATH", "LD_LIBRARY_PATH", "PYTHONDONTWRITEBYTECODE")
"""The host's variables that an environment sees. No AWS_* above all: they hold credentials."""

# The managed runtime's own start, which the emulator does without: the handler is in _HANDLER, the
# function's folder comes first on the import path, the layer's next unless PYTHONPATH is set.
START_PYTHON: Final = textwrap.dedent("""\
    import os, sys
    opt = [] if "PYTHONPATH" in os.environ else [os.environ["GOVERNOR_DEMO_OPT"]]
    sys.path[0:1] = [os.environ["LAMBDA_TASK_ROOT"], *opt]
    from awslambdaric import bootstrap
    from awslambdaric.lambda_runtime_client import LambdaRuntimeClient
    client = LambdaRuntimeClient(os.environ["AWS_LAMBDA_RUNTIME_API"], False)
    bootstrap.run(os.environ["_HANDLER"], client)
    """)


class EnvironmentStartError(GovernorError):
    """The emulator does not start, or has ended. The message holds the end of its log."""


class Attach(Enum):
    """How the layer gets before the handler."""

    WRAPPER = auto()
    """AWS_LAMBDA_EXEC_WRAPPER names the layer's script."""
    REDIRECT = auto()
    """The function's handler is the layer's, and GOVERNOR_HANDLER names the function's own."""
    NONE = auto()
    """Not at all, though the function can import the layer (for its decorator)."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What came of an invocation: the emulator's HTTP status, and the decoded JSON or the text.

    A function's error is an answer with status 200 whose body has an `errorType`, as is a timeout
    ("Task timed out after …" as text). A runtime that has exited gives 502.
    """

    status: int
    body: Any
    duration_ms: float


class ExecutionEnvironment:
    """A context manager: entered, it can be invoked; left, every process of it is gone.

    Enter it from the main thread or one that lives as long: see `governor.lifeline`.
    """

    def __init__(  # noqa: PLR0913 - what a Lambda function's configuration consists of
        self,
        emulator: Path,
        *,
        function: str,
        handler: str,
        task_root: Path,
        timeout_s: int = 30,
        memory_mb: int = 128,
        environ: Mapping[str, str] | None = None,
        attach: Attach = Attach.WRAPPER,
    ) -> None:
        """Configure the function `function`, whose code lies in the folder `task_root`.

        `handler` is its own (such as ``app.handler``), `environ` its variables. `emulator` is the
        binary that `governor.demo.rie.emulator` finds.
        """
        self._emulator = emulator
        self._task_root = task_root
        self._timeout_s = timeout_s
        self._one_at_a_time = threading.Lock()
        self._open = ExitStack()
        self._port = 0
        self._log = Path()
        self._process: subprocess.Popen[bytes] | None = None
        self._environ = {
            **{name: os.environ[name] for name in FROM_HOST if name in os.environ},
            "AWS_REGION": "us-east-1",
            "AWS_LAMBDA_FUNCTION_NAME": function,
            "AWS_LAMBDA_FUNCTION_TIMEOUT": str(timeout_s),
            "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(memory_mb),
            "LAMBDA_TASK_ROOT": os.fspath(task_root),
            "GOVERNOR_DEMO_OPT": os.fspath(LAYER / "python"),
            "_HANDLER": handler,
            **_attached(attach, handler),
            **(environ or {}),
        }

    def __enter__(self) -> Self:
        """Start the emulator, which starts the runtime at the first invocation.

        Raises:
            EnvironmentStartError: it can't be started.

        """
        with ExitStack() as opened:
            folder = Path(opened.enter_context(tempfile.TemporaryDirectory(prefix="governor-env-")))
            self._log = folder / "log"
            bootstrap = folder / "bootstrap"
            start = f"{shlex.quote(sys.executable)} -c {shlex.quote(START_PYTHON)}"
            bootstrap.write_text(f"#!/bin/sh\nexec $AWS_LAMBDA_EXEC_WRAPPER {start}\n")
            bootstrap.chmod(0o755)
            opened.callback(self._stop)
            self._start(bootstrap)
            self._open = opened.pop_all()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """End every process of the environment, and forget its log."""
        self._open.close()

    def invoke(self, event: object) -> Answer:
        """Invoke the function with `event` and wait for what comes of it.

        Invocations from several threads take turns: an environment runs one at a time.

        Raises:
            EnvironmentStartError: the emulator is gone.

        """
        with self._one_at_a_time:
            connection = HTTPConnection(
                "127.0.0.1", self._port, timeout=self._timeout_s + INIT_TIMEOUT_S + STOP_TIMEOUT_S
            )
            began = time.perf_counter()
            try:
                connection.request("POST", INVOKE, json.dumps(event))
                response = connection.getresponse()
                text = response.read().decode()
            except (OSError, HTTPException) as error:
                raise EnvironmentStartError(self._epitaph(f"does not answer ({error})")) from error
            finally:
                connection.close()
            duration_ms = (time.perf_counter() - began) * 1000
        try:
            return Answer(response.status, json.loads(text), duration_ms)
        except ValueError:
            return Answer(response.status, text, duration_ms)

    def logs(self) -> str:
        """What the emulator and the function have written so far."""
        return self._log.read_text(errors="replace")

    def _start(self, bootstrap: Path) -> None:
        for _ in range(START_ATTEMPTS):
            # Another process may take a port that was free a moment ago: then the emulator ends.
            self._port, runtime_port = free_ports(2)
            command = [
                os.fspath(self._emulator),
                *("--runtime-interface-emulator-address", f"127.0.0.1:{self._port}"),
                *("--runtime-api-address", f"127.0.0.1:{runtime_port}"),
                os.fspath(bootstrap),
            ]
            with self._log.open("wb") as log:
                self._process = subprocess.Popen(  # noqa: S603 - AWS's binary, our arguments
                    tied(command),
                    env=self._environ,
                    cwd=self._task_root,
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=subprocess.STDOUT,
                    start_new_session=True,
                )
            if self._listens(self._process):
                return
            self._stop()
        raise EnvironmentStartError(self._epitaph("does not start"))

    def _listens(self, process: "subprocess.Popen[bytes]") -> bool:
        """Wait until the emulator listens; False when it has ended instead."""
        deadline = time.monotonic() + START_TIMEOUT_S
        while process.poll() is None and time.monotonic() < deadline:
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", self._port)) == 0:
                    return process.poll() is None
            time.sleep(0.01)
        return False

    def _stop(self) -> None:
        """End the emulator, which ends its runtime; kill what is left of its group after a while.

        The runtime is in a process group of its own, so the emulator has to be asked first.
        """
        process, self._process = self._process, None
        if process is None:
            return
        process.terminate()
        try:
            process.wait(STOP_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()

    def _epitaph(self, what: str) -> str:
        tail = "\n".join(self.logs().splitlines()[-10:])
        return f"AWS's Lambda emulator {what}; the end of its log:\n{tail or '(empty)'}"


def _attached(attach: Attach, handler: str) -> dict[str, str]:
    match attach:
        case Attach.WRAPPER:
            return {"AWS_LAMBDA_EXEC_WRAPPER": os.fspath(LAYER / "governor")}
        case Attach.REDIRECT:
            return {"_HANDLER": "governor_layer.handler", "GOVERNOR_HANDLER": handler}
        case Attach.NONE:
            return {}
