"""Everything that the demo needs, started and stopped."""

import os
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from rich.console import Console

from governor.demo.aws.fleet import Fleet
from governor.demo.aws.lacking import Lacking
from governor.demo.aws.moto import ENVIRONMENT, Moto
from governor.demo.aws.standin import StandIn
from governor.demo.fleet import POLICY_FILE, fleet, policy
from governor.demo.region import MINUTE_S
from governor.demo.rie import default_cache, emulator
from governor.demo.serving import NotServingError, Serving, serving
from governor.demo.stage import Stage, furnish

REGIONS: Final = ("eu-west-1", ENVIRONMENT["AWS_DEFAULT_REGION"])
"""Without a governor, and with one, which sees what `ENVIRONMENT` says: a pool is one Region's."""

THREADS: Final = 64
"""More than invocations that are ever under way in both Regions."""


@dataclass(frozen=True, slots=True)
class Scene:
    """A stage, the folder in which its handlers note what they do, its governor if it has one."""

    stage: Stage
    journals: Path
    governor: Serving | None


@contextmanager
def theatre(console: Console) -> Iterator[tuple[Scene, Scene]]:
    """Have a scene without a governor and one with it. For the main thread.

    Raises:
        EmulatorMissingError: AWS's emulator is not to be had.
        EnvironmentStartError: an environment can't be started.
        MotoStartError: moto can't be started.
        NotServingError: the governor can't be started.

    """
    console.print("Looking for AWS's Lambda emulator, or fetching it …")
    rie = emulator(default_cache())
    with ExitStack() as opened:
        folder = Path(opened.enter_context(tempfile.TemporaryDirectory(prefix="governor-demo-")))
        console.print("Starting moto in AWS's place, and a governor with a controller …")
        moto = Moto(folder / "moto.log")
        opened.callback(moto.close)
        standin = opened.enter_context(StandIn(moto))
        limit = policy().account.max_concurrency or 0
        standin.state.limit = limit
        standin.state.settle_s = MINUTE_S
        accounts = [opened.enter_context(Fleet(moto, region)) for region in REGIONS]
        mappings = [furnish(account) for account in accounts]
        governor = opened.enter_context(_governor(folder, standin))
        threads = opened.enter_context(ThreadPoolExecutor(THREADS))
        console.print("Starting execution environments on AWS's own runtime …")
        scenes = []
        for account, facts, uuids, serves in zip(
            accounts,
            (Lacking(limit=limit), standin.state),
            mappings,
            (None, governor),
            strict=True,
        ):
            journals = folder / account.region
            journals.mkdir()
            variables = {"GOVERNOR_URL": serves.url} if serves else None
            environments = opened.enter_context(fleet(rie, threads, journals, variables))
            scenes.append(Scene(Stage(account, facts, environments, uuids), journals, serves))
        opened.callback(threads.shutdown)  # what is under way ends before its environment does
        yield scenes[0], scenes[1]


@contextmanager
def _governor(folder: Path, standin: StandIn) -> Iterator[Serving]:
    """`governor serve --controller`, whose AWS is the stand-in."""
    theirs = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    environ = {**theirs, **ENVIRONMENT, "AWS_ENDPOINT_URL": standin.url}
    options = ["--listen", "127.0.0.1:0", "--policy", str(POLICY_FILE), "--controller"]
    options += ["--store", "embedded", "--data-dir", str(folder / "data")]
    log = folder / "governor.log"
    with log.open("wb") as written:
        try:
            with serving(*options, environ=environ, log=written) as governor:
                yield governor
        except NotServingError as error:
            said = log.read_text(errors="replace")
            raise NotServingError(f"{error}; the end of its log:\n{said[-2000:]}") from error
