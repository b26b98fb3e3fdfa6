"""The demo itself: start everything, load it, watch it, judge it, stop everything."""

import importlib.util
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from rich.console import Console

from governor.demo import report
from governor.demo.environment import LAYER, EnvironmentStartError
from governor.demo.fleet import FUNCTIONS, POLICY_FILE, Function, fleet, policy
from governor.demo.rie import EmulatorMissingError, default_cache, emulator
from governor.demo.serving import NotServingError, Serving, serving
from governor.demo.traffic import Traffic
from governor.demo.view import View, verdict, view
from governor.demo.watch import read
from governor.errors import GovernorError


class DemoSetupError(GovernorError):
    """Something that the demo needs is not there or does not start."""


def show(
    seconds: float,
    console: Console,
    *,
    headless: bool,
    functions: Sequence[Function] = FUNCTIONS,
) -> bool:
    """Run the demo with `seconds` of load; True when all went as it must.

    Call it from the main thread. Without a terminal it is `headless` in any case.

    Raises:
        DemoSetupError: it can't be run here.

    """
    limits = policy()
    scopes = report.weights(limits, [function.name for function in functions])
    try:
        _check_installed()
        console.print("Looking for AWS's Lambda emulator, or fetching it …")
        rie = emulator(default_cache())
        with tempfile.TemporaryDirectory(prefix="governor-demo-") as folder:
            journals = Path(folder, "journals")
            journals.mkdir()
            console.print("Starting a governor with its own store …")
            with serving(*_options(Path(folder, "data"))) as governor:
                count = sum(function.environments for function in functions)
                console.print(f"Starting {count} execution environments on AWS's own runtime …")
                with (
                    fleet(rie, functions, governor.url, journals) as placed,
                    Traffic(placed).running() as traffic,
                    view(console, headless=headless or not console.is_terminal) as shown,
                ):
                    _watch(seconds, shown, governor, scopes, journals)
            runs = read(journals)
    except (EmulatorMissingError, EnvironmentStartError, NotServingError) as error:
        raise DemoSetupError(str(error)) from error
    rows = report.table(limits, scopes, traffic.tally, runs, traffic.begun_ns)
    found = report.findings(rows, traffic.failures)
    console.print(verdict(rows, found))
    console.print("Try it by hand: `make run`. The demo's limits are in governor/demo/policy.yaml.")
    return not found


def _check_installed() -> None:
    if importlib.util.find_spec("awslambdaric") is None:
        raise DemoSetupError(
            "awslambdaric, AWS's Python runtime for Lambda, is not installed: "
            "install the extra `demo`, or run `make demo`"
        )
    if not LAYER.is_dir():
        raise DemoSetupError(f"there is no layer in {LAYER}: run the demo in the source tree")


def _options(data_dir: Path) -> tuple[str, ...]:
    """The demo's `governor serve`."""
    listen = ("--listen", "127.0.0.1:0")
    store = ("--store", "embedded", "--data-dir", str(data_dir))
    return (*listen, *store, "--policy", str(POLICY_FILE))


def _watch(
    seconds: float,
    shown: View,
    governor: Serving,
    scopes: Mapping[str, Mapping[str, int]],
    journals: Path,
) -> None:
    """Show what goes on for `seconds`."""
    began = time.monotonic()
    while (passed_s := time.monotonic() - began) < seconds:
        now = governor.scopes()
        peaks = report.peaks(scopes, read(journals))
        shown.show(passed_s, seconds, [now[scope] for scope in scopes], peaks)
        time.sleep(max(0.0, min(shown.every_s, began + seconds - time.monotonic())))
