"""What runs in the demo: Lambda functions, their limits, and their execution environments."""

import os
from collections.abc import Iterator, Mapping
from concurrent.futures import Executor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final

from governor.demo.emulated import Emulated
from governor.demo.environment import Attach, ExecutionEnvironment
from governor.policy import Policy, parse_yaml

POLICY_FILE: Final = Path(__file__).with_name("policy.yaml")
TASK_ROOT: Final = Path(__file__).with_name("functions")

TIMEOUT_S: Final = 4

LAYER_SETTINGS: Final = {
    # Functions whose limits must hold, whatever happens: here that of a database's connections.
    "GOVERNOR_FAIL": "closed",
    # Nothing else on this machine yields to the demo.
    "GOVERNOR_TIMEOUT_MS": "2000",
}


@dataclass(frozen=True, slots=True)
class Function:
    """A Lambda function of the demo. `environments` of it are warm when the load begins."""

    name: str
    environments: int


USERS: Final = Function("orders-api", 8)
BACKGROUND: Final = (Function("report-gen", 9), Function("thumbnails", 9))
"""Each is fed by a queue."""
FUNCTIONS: Final = (USERS, *BACKGROUND)


def policy() -> Policy:
    """The demo's policy."""
    return parse_yaml(POLICY_FILE.read_bytes())


@contextmanager
def fleet(
    emulator: Path, threads: Executor, journals: Path, governor: Mapping[str, str] | None
) -> Iterator[dict[str, Emulated]]:
    """Run the environments of all functions, by name; their handlers write to `journals`.

    `governor` are the layer's variables; None: the functions run without it.

    Raises:
        EnvironmentStartError: one of them can't be started.

    """
    with ExitStack() as running:
        environments = {}
        for function in FUNCTIONS:
            make = partial(_environment, emulator, function, journals, governor)
            emulated = running.enter_context(Emulated(make, threads))
            emulated.prepare(function.environments)
            environments[function.name] = emulated
        yield environments


def _environment(
    emulator: Path, function: Function, journals: Path, governor: Mapping[str, str] | None
) -> ExecutionEnvironment:
    attach = Attach.NONE if governor is None else Attach.REDIRECT
    variables = {"DEMO_JOURNAL": os.fspath(journals)}
    if governor is not None:
        # What the runtime calls: it times the layer's handler, and calls that.
        variables |= {**LAYER_SETTINGS, **governor, "_HANDLER": "stopwatch.handler"}
    return ExecutionEnvironment(
        emulator,
        function=function.name,
        handler="app.handler",
        task_root=TASK_ROOT,
        timeout_s=TIMEOUT_S,
        attach=attach,
        environ=variables,
    )
