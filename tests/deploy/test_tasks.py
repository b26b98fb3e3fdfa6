"""What the task's containers run: the templates' own commands, on a store as ElastiCache has it."""

import json
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from governor.demo.aws.moto import ENVIRONMENT
from governor.ledger.embedded import valkey_binary
from governor.lifeline import tied
from tests.deploy.templates import Template, properties
from tests.deploy.test_agreement import container
from tests.service.api import Api
from tests.stores import Server, cluster, wait_until

POOL = "governor"
PASSWORD = "p" * 48
TOKENS = {
    "LAYER_TOKEN": "layer-" + "a" * 42,
    "NEXT_LAYER_TOKEN": "none",
    "READER_TOKEN": "reader-" + "b" * 41,
    "ADMIN_TOKEN": "admin-" + "c" * 42,
}
POLICY = """
functions:
  api: {max_concurrency: 0}
  etl: {max_concurrency: 0, priority: background}
"""

pytestmark = pytest.mark.timeout(120)


@pytest.fixture
def nodes(governor: Template) -> Iterator[list[Server]]:
    """A cluster whose one user may do what the template's may."""
    access = properties(governor, "StoreUser")["AccessString"]["Fn::Sub"].replace("${Name}", POOL)
    with cluster(valkey_binary()) as nodes:
        for node in nodes:
            with node.client() as client:
                client.execute_command(
                    *("ACL", "SETUSER", "default", "reset", f">{PASSWORD}"), *access.split()
                )
        yield nodes


@contextmanager
def running(definition: dict[str, Any], **variables: str) -> Iterator[Path]:
    """Run a container's command as this user; yields where its output goes."""
    given = {
        each["Name"]: each["Value"]
        for each in definition["Environment"]
        if isinstance(each["Value"], str)
    }
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    environment = {"PATH": path, "PYTHONPATH": os.pathsep.join(filter(None, sys.path)), **given}
    with tempfile.TemporaryDirectory(prefix="task-") as folder:
        output = Path(folder, "output")
        with output.open("wb") as written:
            process = subprocess.Popen(
                tied([*definition["EntryPoint"], *definition["Command"]]),
                env={**environment, **ENVIRONMENT, **variables, "TMPDIR": folder},
                stdout=written,
                stderr=written,
                start_new_session=True,
            )
        try:
            yield output
        finally:
            process.terminate()
            process.wait(definition.get("StopTimeout", 30))


def of_the_task(nodes: list[Server], folder: Path, **tokens: str) -> dict[str, str]:
    """What ECS would put into the environment of the container."""
    return {
        **TOKENS,
        **tokens,
        "AWS_ENDPOINT_URL": "http://127.0.0.1:1",  # nobody's
        "GOVERNOR_LISTEN": "127.0.0.1:0",
        "GOVERNOR_POOL": POOL,
        "GOVERNOR_TOKENS": str(folder / "tokens"),
        "STORE": f"redis+cluster://default:%s@127.0.0.1:{nodes[0].port}",
        "STORE_PASSWORD": PASSWORD,
    }


@contextmanager
def task(governor: Template, variables: dict[str, str]) -> Iterator[str]:
    """Run the container of the service; yields where it listens."""
    with running(container(governor), **variables) as output:
        listening = re.compile(r"listening on (http://\S+)")
        wait_until(lambda: bool(listening.search(output.read_text())), "the task listens")
        yield listening.findall(output.read_text())[0]


async def test_the_tokens_open_what_they_should(
    governor: Template, nodes: list[Server], tmp_path: Path
) -> None:
    with task(governor, of_the_task(nodes, tmp_path)) as url:
        async with Api(url, TOKENS["LAYER_TOKEN"]) as layer:
            assert (await layer.check_in("a", "api", ttl_ms=1000)).status == 201
            assert (await layer.get("/v1/status")).status == 403
        async with Api(url, TOKENS["READER_TOKEN"]) as reader:
            assert (await reader.get("/v1/status")).status == 200
        async with Api(url, TOKENS["ADMIN_TOKEN"]) as admin:
            await admin.set_policy(POLICY)
        async with Api(url, TOKENS["NEXT_LAYER_TOKEN"]) as nobody:
            assert (await nobody.get("/v1/status")).status == 401


async def test_the_next_token_is_good_before_functions_have_it(
    governor: Template, nodes: list[Server], tmp_path: Path
) -> None:
    with task(governor, of_the_task(nodes, tmp_path, NEXT_LAYER_TOKEN="d" * 48)) as url:
        for token in (TOKENS["LAYER_TOKEN"], "d" * 48):
            async with Api(url, token) as layer:
                assert (await layer.check_in("a", "api", ttl_ms=1000)).status in {200, 201}


def test_no_token_is_left_in_the_environment(
    governor: Template, nodes: list[Server], tmp_path: Path
) -> None:
    with task(governor, of_the_task(nodes, tmp_path)):
        kept = (tmp_path / "tokens").read_text()
        assert (tmp_path / "tokens").stat().st_mode & 0o077 == 0
        for process in Path("/proc").glob("[0-9]*/environ"):
            try:
                seen = process.read_bytes()
            except OSError:
                continue
            if b"TMPDIR" in seen and str(tmp_path).encode() in seen:
                assert not any(token.encode() in seen for token in TOKENS.values() if "-" in token)
        assert not any(token in kept for token in TOKENS.values())


def test_another_command_finds_the_store(
    governor: Template, nodes: list[Server], tmp_path: Path
) -> None:
    definition = container(governor) | {"Command": ["governor", "controller", "plan"]}
    with running(definition, **of_the_task(nodes, tmp_path)) as output:
        wait_until(lambda: "policy" in output.read_text(), "it tells that there is no policy yet")


class CutsOff(BaseHTTPRequestHandler):
    """Answers the first time with less than it says, then with a metric."""

    left = 1

    def do_GET(self) -> None:
        """Answer a GET."""
        text = b"governor_store_up 1.0\n"
        self.send_response(200)
        self.send_header("Content-Length", str(len(text) + CutsOff.left))
        self.end_headers()
        self.wfile.write(text)
        CutsOff.left = 0


def test_an_answer_that_is_cut_off_does_not_end_the_metrics(governor: Template) -> None:
    with (
        ThreadingHTTPServer(("127.0.0.1", 0), CutsOff) as server,
        running(
            container(governor, "metrics"),
            GOVERNOR_URL=f"http://127.0.0.1:{server.server_port}",
            POOL=POOL,
            EVERY_S="0.1",
            READER_TOKEN=TOKENS["READER_TOKEN"],
        ) as output,
    ):
        Thread(target=server.serve_forever, daemon=True).start()
        wait_until(lambda: '"store_up": 1.0' in output.read_text(), "there is a line")
        server.shutdown()


async def test_the_metrics_of_the_alarms(
    governor: Template, nodes: list[Server], tmp_path: Path
) -> None:
    with (
        task(governor, of_the_task(nodes, tmp_path)) as url,
        running(
            container(governor, "metrics"),
            GOVERNOR_URL=url,
            POOL=POOL,
            EVERY_S="0.2",
            READER_TOKEN=TOKENS["READER_TOKEN"],
        ) as output,
    ):

        def lines() -> list[dict[str, Any]]:
            return [json.loads(line) for line in output.read_text().splitlines()]

        def total(name: str) -> float:
            return sum(float(line.get(name, 0)) for line in lines())

        wait_until(lambda: len(lines()) > 0, "there is a first line")
        async with Api(url, TOKENS["ADMIN_TOKEN"]) as admin:
            await admin.set_policy(POLICY)
            for id_, function in (("a", "api"), ("b", "api"), ("c", "etl")):
                await admin.denied(id_, function)
        wait_until(lambda: total("denied") == 3, "3 denials")
        assert total("denied_users") == 2
        wait_until(lambda: lines()[-1]["controller_leader"] == 1, "the controller leads")
        wait_until(lambda: "controller_cycle_age" in lines()[-1], "it has run a cycle")
        last = lines()[-1]
        assert last["store_up"] == 1
        assert last["Pool"] == POOL
        metrics = {each["Name"] for each in last["_aws"]["CloudWatchMetrics"][0]["Metrics"]}
        alarms = [
            each["Properties"]
            for each in governor["Resources"].values()
            if each["Type"] == "AWS::CloudWatch::Alarm"
        ]
        own = [each for each in alarms if each.get("Namespace") == "Governor"]
        assert {each["MetricName"] for each in own} <= metrics
        for node in nodes:
            node.kill()
        wait_until(lambda: lines()[-1]["store_up"] == 0, "the store is seen to be down")
