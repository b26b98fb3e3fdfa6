"""What the layer's tests stand on: a governor, AWS's emulator, and a stand-in that misbehaves."""

import json
import shutil
import ssl
import subprocess
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from governor.demo.environment import Attach, ExecutionEnvironment
from tests.conftest import missing
from tests.governors import Governor
from tests.layer.environments import FUNCTION, LIMIT, Launch
from tests.layer.standin import StandIn

FUNCTIONS = Path(__file__).parent / "functions"

GovernorUrl = Callable[[dict[str, Any]], str]


@pytest.fixture
def governor_url(tmp_path: Path) -> Iterator[GovernorUrl]:
    """Start a governor with the given policy, and return its address."""
    with ExitStack() as running:

        def start(policy: dict[str, Any]) -> str:
            file = tmp_path / "policy.json"
            file.write_text(json.dumps(policy))
            options = ("--data-dir", str(tmp_path / "data"), "--policy", str(file))
            return running.enter_context(Governor(*options)).url

        yield start


@pytest.fixture
def url(governor_url: GovernorUrl) -> str:
    """A governor that lets the function run `LIMIT` times at once."""
    return governor_url({"functions": {FUNCTION: {"max_concurrency": LIMIT}}})


@pytest.fixture
def full_url(governor_url: GovernorUrl) -> str:
    """A governor that denies the function everything."""
    return governor_url({"functions": {FUNCTION: {"max_concurrency": 0}}})


@pytest.fixture
def standin() -> Iterator[StandIn]:
    """A stand-in for the governor that grants, until told to behave otherwise."""
    with StandIn() as peer:
        yield peer


@pytest.fixture
def launch(rie: Path) -> Iterator[Launch]:
    """Start execution environments of the function under test, with an ample timeout."""
    with ExitStack() as running:

        def start(
            url: str | None,
            handler: str = "probe.handler",
            *,
            attach: Attach = Attach.WRAPPER,
            timeout_s: int = 30,
            **environ: str,
        ) -> ExecutionEnvironment:
            variables = {} if url is None else {"GOVERNOR_URL": url}
            return running.enter_context(
                ExecutionEnvironment(
                    rie,
                    function=FUNCTION,
                    handler=handler,
                    task_root=FUNCTIONS,
                    timeout_s=timeout_s,
                    environ={**variables, "GOVERNOR_TIMEOUT_MS": "10000", **environ},
                    attach=attach,
                )
            )

        yield start


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A self-signed certificate for 127.0.0.1, and its key, in one file."""
    openssl = shutil.which("openssl")
    if openssl is None:
        missing("openssl")
    both = tmp_path_factory.mktemp("tls") / "certificate.pem"
    subject = ["-subj", "/CN=governor", "-addext", "subjectAltName=IP:127.0.0.1"]
    subprocess.run(
        [
            *(str(openssl), "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2"),
            *subject,
            *("-keyout", both, "-out", both.with_name("public.pem")),
        ],
        check=True,
        capture_output=True,
    )
    both.write_text(both.read_text() + both.with_name("public.pem").read_text())
    return both


@pytest.fixture
def encrypted(certificate: Path) -> Iterator[StandIn]:
    """A stand-in that speaks https."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate)
    with StandIn(encryption=context) as peer:
        yield peer
