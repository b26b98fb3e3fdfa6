"""A governor under load, with a controller, and a real Prometheus that scrapes it as we ship it."""

import asyncio
import json
import math
import shutil
import subprocess
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, nullcontext, suppress
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from typing import Any, Self

import yaml
from aiohttp import ClientSession

from governor.controller.loop import control
from governor.controller.pace import Pace
from governor.demo.ports import free_ports
from governor.ledger.client import LedgerClient
from governor.lifeline import tied
from tests.conftest import missing
from tests.controller.account import MemoryAccount
from tests.governors import Governor
from tests.service.api import Api, eventually

DEPLOY = Path(__file__).parents[2] / "deploy"

SCRAPE_EVERY_S = 0.5
TURN_S = 0.2
TOKEN = "one-for-the-test"
POLICY = """
account: {max_concurrency: 40, headroom: 10}
groups:
  orders-db: {max_concurrency: 8, headroom: 2}
  reports: {max_concurrency: 2, mode: shadow}
functions:
  api: {groups: [orders-db]}
  etl: {priority: background, max_concurrency: 4}
  load: {priority: background, groups: [reports]}
"""
ASKED_AT_ONCE = 10
OLDEST_S = 90.0


class Prometheus:
    """A server that has started; its queries and rules by HTTP."""

    def __init__(self, url: str, session: ClientSession) -> None:
        """Ask the one at `url`."""
        self.url = url
        self._session = session

    async def get(self, path: str, **parameters: str) -> Any:
        """What the API answers under `data`; its error fails the test."""
        async with self._session.get(f"{self.url}{path}", params=parameters) as response:
            answer = json.loads(await response.read())
            assert answer["status"] == "success", (parameters, answer)
            return answer["data"]

    async def query(self, expr: str) -> dict[str, float]:
        """The value of each series that `expr` finds now, those that are no number left out."""
        result = (await self.get("/api/v1/query", query=expr))["result"]
        found = {json.dumps(each["metric"]): float(each["value"][1]) for each in result}
        return {labels: value for labels, value in found.items() if not math.isnan(value)}

    async def rules(self) -> list[Mapping[str, Any]]:
        """All rules, as last evaluated."""
        groups = (await self.get("/api/v1/rules"))["groups"]
        return [rule for group in groups for rule in group["rules"]]

    async def is_ready(self) -> bool:
        """Whether it answers and has scraped the governor."""
        with suppress(OSError):
            async with self._session.get(f"{self.url}/-/ready") as response:
                return response.ok and bool(await self.query("governor_store_up"))
        return False


@asynccontextmanager
async def observed(folder: Path, *, busy: bool = True) -> AsyncIterator[Prometheus]:
    """A Prometheus with the shipped configuration and rules, of a pool with plenty going on.

    Or, if it is not `busy`, of one that nobody has asked for anything yet.
    """
    binary = shutil.which("prometheus")
    if binary is None:
        missing("prometheus")
    assert binary is not None
    tokens = folder / "tokens"
    tokens.write_text(f"admin {sha256(TOKEN.encode()).hexdigest()}\n")
    with Governor("--data-dir", str(folder / "data"), "--tokens", str(tokens)) as governor:
        async with (
            Api(governor.url, TOKEN) as api,
            _pool(api) if busy else nullcontext(),
            _prometheus(binary, folder, governor) as prometheus,
        ):
            yield prometheus


@asynccontextmanager
async def _pool(api: Api) -> AsyncIterator[None]:
    await api.set_policy(POLICY)
    store = (await api.get("/v1/status")).json["store"]["url"]
    async with _controlled(store), _Load(api):
        yield


@asynccontextmanager
async def _controlled(store: str) -> AsyncIterator[None]:
    """A controller on an account in memory, where queues feed the background functions."""
    account = MemoryAccount()
    for function in ("etl", "load"):
        account.feed(function, 1000)
    account.queues = {
        arn: replace(queue, oldest_age_s=OLDEST_S) for arn, queue in account.queues.items()
    }
    stopping = asyncio.Event()
    ledger = LedgerClient(store, "default")
    running = asyncio.create_task(control(ledger, account, stopping, Pace(every_s=1.0, look_s=0.2)))
    try:
        yield
    finally:
        stopping.set()
        await running
        await ledger.close()


class _Load:
    """Turn after turn, more check-ins than there is room for, and one that nobody checks out."""

    def __init__(self, api: Api) -> None:
        self._api = api
        self._turns = 0

    async def __aenter__(self) -> Self:
        self._running = asyncio.create_task(self._run())
        return self

    async def __aexit__(self, *_: object) -> None:
        self._running.cancel()
        with suppress(asyncio.CancelledError):
            await self._running

    async def _run(self) -> None:
        while True:
            self._turns += 1
            ids = [
                (f"{function}:{self._turns}:{number}", function)
                for function in ("api", "etl", "load")
                for number in range(ASKED_AT_ONCE)
            ]
            await asyncio.gather(*(self._api.check_in(*each) for each in ids))
            await self._api.check_in(f"lost:{self._turns}", "search", ttl_ms=1)
            await asyncio.sleep(TURN_S)
            await asyncio.gather(*(self._api.check_out(id_) for id_, _ in ids))


@asynccontextmanager
async def _prometheus(binary: str, folder: Path, governor: Governor) -> AsyncIterator[Prometheus]:
    config = yaml.safe_load((DEPLOY / "prometheus/prometheus.yaml").read_text())
    config["global"] = {
        "scrape_interval": f"{SCRAPE_EVERY_S * 1000:.0f}ms",
        "evaluation_interval": "1s",
    }
    config["rule_files"] = [str(DEPLOY / "prometheus" / file) for file in config["rule_files"]]
    (job,) = config["scrape_configs"]
    (folder / "reader").write_text(TOKEN)
    job["authorization"]["credentials_file"] = str(folder / "reader")
    job["static_configs"] = [{"targets": [f"127.0.0.1:{governor.port}"]}]
    (folder / "prometheus.yaml").write_text(yaml.safe_dump(config))
    (port,) = free_ports(1)
    log = folder / "prometheus.log"
    with log.open("wb") as output:
        process = subprocess.Popen(  # noqa: ASYNC220 - starts in a moment
            tied(
                [
                    binary,
                    f"--config.file={folder / 'prometheus.yaml'}",
                    f"--storage.tsdb.path={folder / 'tsdb'}",
                    f"--web.listen-address=127.0.0.1:{port}",
                ]
            ),
            stdout=output,
            stderr=output,
        )
    try:
        async with ClientSession() as session:
            prometheus = Prometheus(f"http://127.0.0.1:{port}", session)

            async def is_ready() -> bool:
                assert process.poll() is None, log.read_text()
                return await prometheus.is_ready()

            await eventually(is_ready, "Prometheus has scraped the governor")
            yield prometheus
    finally:
        process.terminate()
        process.wait()
