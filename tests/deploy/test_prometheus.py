"""The rules: each alert fires when it should and not else, in promtool's tests and for real."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.deploy.checkers import checked
from tests.deploy.observed import DEPLOY, observed
from tests.docs.test_documented import METRICS
from tests.service.api import eventually

FOLDER = DEPLOY / "prometheus"
RULES: list[dict[str, Any]] = [
    rule
    for group in yaml.safe_load((FOLDER / "rules.yaml").read_text())["groups"]
    for rule in group["rules"]
]
ALERTS = {rule["alert"]: rule for rule in RULES if "alert" in rule}
TESTS = (FOLDER / "rules_test.yaml").read_text()

FIRES_UNDER_LOAD = {"GovernorShadowDenials", "GovernorUserFacingDenied"}
"""What the load of `observed` is made for."""


def test_the_rules_do_what_their_tests_say() -> None:
    checked("promtool", "check", "rules", "--lint=all", "--lint-fatal", FOLDER / "rules.yaml")
    checked("promtool", "test", "rules", FOLDER / "rules_test.yaml")


def test_the_configuration_is_one(tmp_path: Path) -> None:
    config = (FOLDER / "prometheus.yaml").read_text()
    (tmp_path / "reader").write_text("a token")
    (tmp_path / "prometheus.yaml").write_text(
        config.replace("/tokens/", f"{tmp_path}/").replace("[rules", f"[{FOLDER}/rules")
    )
    checked("promtool", "check", "config", tmp_path / "prometheus.yaml")


@pytest.mark.parametrize("alert", ALERTS)
def test_an_alert_is_tested_and_says_what_to_do(alert: str) -> None:
    assert f'alertname="{alert}", alertstate="firing"' in TESTS
    rule = ALERTS[alert]
    assert rule["annotations"].keys() == {"summary", "description", "runbook"}
    assert re.fullmatch(r"docs/runbook\.md#[a-z-]+", rule["annotations"]["runbook"])
    assert rule["labels"]["severity"] in {"critical", "warning", "info"}


def test_rules_ask_for_metrics_that_there_are() -> None:
    recorded = {rule["record"] for rule in RULES if "record" in rule}
    asked = {
        name for rule in RULES for name in re.findall(r"[\w:]*governor_\w+(?::\w+)?", rule["expr"])
    }
    assert asked <= recorded | set(METRICS) | {f"{each}_bucket" for each in METRICS}
    assert len(asked) > 15


async def test_the_rules_run_on_a_governor_under_load(tmp_path: Path) -> None:
    async with observed(tmp_path) as prometheus:

        async def fire() -> bool:
            firing = await prometheus.query('ALERTS{alertstate="firing"}')
            return all(any(f'"{each}"' in labels for labels in firing) for each in FIRES_UNDER_LOAD)

        await eventually(fire, f"{FIRES_UNDER_LOAD} fire")
        rules = await prometheus.rules()
        assert len(rules) == len(RULES)
        assert {
            rule["name"]: rule.get("lastError") for rule in rules if rule["health"] != "ok"
        } == {}
        told = [alert for rule in rules for alert in rule.get("alerts", ())]
        firing = {each["labels"]["alertname"] for each in told if each["state"] == "firing"}
        assert firing == FIRES_UNDER_LOAD
        annotations = [text for each in told for text in each["annotations"].values()]
        assert not [text for text in annotations if "<error" in text or "<no value>" in text]
        recorded = {rule["name"] for rule in rules if rule["type"] == "recording"}
        empty = [name for name in recorded if not await prometheus.query(name)]
        assert empty == []
