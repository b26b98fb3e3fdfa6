"""A governor behind TLS."""

from pathlib import Path

import pytest
from governor_layer.checkin import UnavailableError

from tests.layer.desks import Context, desk, lease
from tests.layer.standin import StandIn
from tests.stores import wait_until


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
