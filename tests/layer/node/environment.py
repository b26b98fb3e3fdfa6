"""One Lambda execution environment with AWS's runtime for Node.js."""

import shlex
from pathlib import Path
from typing import Any

from governor.demo.environment import LAYER, Attach, ExecutionEnvironment
from tests.layer import toolchain

MODULES = LAYER / "nodejs" / "node_modules"
PACKAGE = MODULES / "governor-layer"
ENTRY = f"{PACKAGE}/index.handler"
START = Path(__file__).with_name("start.mjs")
FUNCTIONS = Path(__file__).with_name("functions")


class NodeEnvironment(ExecutionEnvironment):
    """A context manager, as for Python."""

    def __init__(self, rie: Path, major: int, handler: str, attach: Attach, **given: Any) -> None:
        """Configure a function of `FUNCTIONS` for this major version of Node.js."""
        self._command = [toolchain.node(major), START, toolchain.runtime(major)]
        environ = {"NODE_PATH": str(MODULES), **given.pop("environ", {})}
        if attach is Attach.REDIRECT:
            environ |= {"_HANDLER": ENTRY, "GOVERNOR_HANDLER": handler}
        super().__init__(
            rie, handler=handler, task_root=FUNCTIONS, environ=environ, attach=attach, **given
        )

    def _start(self, bootstrap: Path) -> None:
        command = shlex.join(str(word) for word in self._command)
        bootstrap.write_text(f"#!/bin/sh\nexec $AWS_LAMBDA_EXEC_WRAPPER {command}\n")
        super()._start(bootstrap)
