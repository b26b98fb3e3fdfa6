"""The compose file: well-formed, and everything that it names is there."""

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import yaml

from tests.deploy.checkers import checked
from tests.deploy.image import DOCKERFILE, instructions

FILE = DOCKERFILE.with_name("compose.yaml")
COMPOSE: dict[str, Any] = yaml.safe_load(FILE.read_text())
GRAFANA = DOCKERFILE.parents[1] / "grafana"
TOKENS = DOCKERFILE.with_name("tokens.py")


def test_the_compose_file_is_one() -> None:
    checked("check-jsonschema", "--builtin-schema", "vendor.compose-spec", FILE)


def test_the_compose_file_names_what_there_is() -> None:
    folder = DOCKERFILE.parent
    for name, service in COMPOSE["services"].items():
        for volume in service.get("volumes", ()):
            source, target, *_ = volume.split(":")
            if source.startswith("."):
                assert (folder / source).resolve().exists(), (name, source)
            else:
                assert source in COMPOSE["volumes"], (name, source)
            assert target.startswith("/")
        assert service.get("depends_on", {}).keys() <= COMPOSE["services"].keys()
        for port in service.get("ports", ()):
            assert port.startswith("127.0.0.1:")
        assert re.search(r":v?\d+\.\d+\.\d+", service["image"]) or "build" in service
        assert service["read_only"]
        assert service["cap_drop"] == ["ALL"]
        ends = service["restart"] == "no"
        assert ends or "healthcheck" in service or "build" in service, f"nobody waits for {name}"
    build = COMPOSE["services"]["governor"]["build"]
    assert (folder / build["context"] / build["dockerfile"]).resolve() == DOCKERFILE


def test_an_image_is_built_once() -> None:
    """Two services that build one image export it at once: the first `up` fails of that."""
    built = [name for name, service in COMPOSE["services"].items() if "build" in service]
    assert built == ["governor"]


def test_tokens_are_made_by_the_python_that_the_image_has() -> None:
    (base,) = (rest for name, rest in instructions() if name == "ARG")
    assert COMPOSE["services"]["tokens"]["image"] == base.replace("PYTHON=", "python:")


def test_tokens_are_made_once(tmp_path: Path) -> None:
    def made() -> dict[str, str]:
        subprocess.run([sys.executable, TOKENS, tmp_path], check=True)
        return {file.name: file.read_text() for file in tmp_path.iterdir()}

    found = made()
    assert found.keys() == {"tokens", "layer", "reader", "admin"}
    assert len(set(found.values())) == 4
    assert made() == found


def test_the_dashboard_is_provisioned_with_its_data_source() -> None:
    provider = yaml.safe_load((GRAFANA / "provisioning/dashboards/governor.yaml").read_text())
    (folder,) = (each["options"]["path"] for each in provider["providers"])
    grafana = COMPOSE["services"]["grafana"]
    assert f"../grafana/governor.json:{folder}/governor.json:ro" in grafana["volumes"]
    source = yaml.safe_load((GRAFANA / "provisioning/datasources/prometheus.yaml").read_text())
    (url,) = (each["url"] for each in source["datasources"])
    assert url == "http://prometheus:9090"
    assert "prometheus" in COMPOSE["services"]
