"""A governor behind TLS."""

import shutil
import ssl
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from governor_layer.checkin import UnavailableError

from tests.conftest import missing
from tests.layer.desks import Context, desk, lease
from tests.layer.standin import StandIn
from tests.stores import wait_until


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


def test_https_to_a_trusted_governor(
    encrypted: StandIn, certificate: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate.with_name("public.pem")))
    at = desk(encrypted.url)
    for _ in range(3):
        at.check_out(lease(at.check_in({}, Context())))
    wait_until(lambda: len(encrypted.paths("DELETE")) == 3, "every lease is given back")
    assert {request.connection for request in encrypted.requests} == {0}


def test_https_to_an_impostor(encrypted: StandIn) -> None:
    with pytest.raises(UnavailableError, match="CERTIFICATE_VERIFY_FAILED"):
        desk(encrypted.url).check_in({}, Context())
    assert encrypted.requests == []
