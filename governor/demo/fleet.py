"""What runs in the demo: Lambda functions, their limits, and their execution environments."""

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from governor.demo.environment import Attach, ExecutionEnvironment
from governor.policy import Policy, parse_yaml

POLICY_FILE: Final = Path(__file__).with_name("policy.yaml")
TASK_ROOT: Final = Path(__file__).with_name("functions")

API_REQUEST: Final = {
    "version": "2.0",
    "routeKey": "POST /orders",
    "requestContext": {"http": {"method": "POST", "path": "/orders"}, "stage": "$default"},
}
"""What matters of an HTTP API's event (payload 2.0)."""

LAYER_SETTINGS: Final = {
    # Functions whose limits must hold, whatever happens: here that of a database's connections.
    "GOVERNOR_FAIL": "closed",
    # Nothing else on this machine yields to the demo.
    "GOVERNOR_TIMEOUT_MS": "2000",
}


@dataclass(frozen=True, slots=True)
class Function:
    """A Lambda function of the demo, and how much of it runs.

    `environments` is how many invocations of it are attempted at once, `rest_ms` how long each of
    its clients rests between two (shortest and longest).
    """

    name: str
    environments: int
    rest_ms: tuple[int, int]
    event: Mapping[str, Any] = field(default_factory=dict)
    environ: Mapping[str, str] = field(default_factory=dict)


FUNCTIONS: Final = (
    Function("orders-api", 4, rest_ms=(50, 400), event=API_REQUEST),
    Function("report-gen", 5, rest_ms=(0, 20)),
    Function("thumbnails", 4, rest_ms=(0, 20)),
)


@dataclass(frozen=True, slots=True)
class Placed:
    """An execution environment, and the function that runs in it."""

    function: Function
    environment: ExecutionEnvironment


def policy() -> Policy:
    """The demo's policy."""
    return parse_yaml(POLICY_FILE.read_bytes())


@contextmanager
def fleet(
    emulator: Path, functions: Sequence[Function], url: str, journals: Path
) -> Iterator[list[Placed]]:
    """Run every environment of `functions`, governed by the governor at `url`.

    The handlers note what they do in the folder `journals`.

    Raises:
        EnvironmentStartError: one of them can't be started.

    """
    with ExitStack() as running:
        yield [
            Placed(function, running.enter_context(_environment(emulator, function, url, journals)))
            for function in functions
            for _ in range(function.environments)
        ]


def _environment(
    emulator: Path, function: Function, url: str, journals: Path
) -> ExecutionEnvironment:
    return ExecutionEnvironment(
        emulator,
        function=function.name,
        handler="app.handler",
        task_root=TASK_ROOT,
        attach=Attach.REDIRECT,
        environ={
            **LAYER_SETTINGS,
            "GOVERNOR_URL": url,
            "DEMO_JOURNAL": os.fspath(journals),
            # What the runtime calls: it times the layer's handler, and calls that.
            "_HANDLER": "app.stopwatch",
            **function.environ,
        },
    )
