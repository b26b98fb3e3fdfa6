"""The dashboard: each of its queries finds something in a Prometheus that scrapes a governor."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tests.deploy.observed import DEPLOY, Prometheus, observed
from tests.docs.test_documented import METRICS
from tests.service.api import eventually

FOLDER = DEPLOY / "grafana"
DASHBOARD: dict[str, Any] = json.loads((FOLDER / "governor.json").read_text(encoding="utf-8"))
PANELS = [panel for panel in DASHBOARD["panels"] if panel["type"] != "row"]

SILENT = {"Alerts"}
"""Queries that need not find anything: there may be no alert."""


def queries() -> Iterator[tuple[str, str]]:
    """Each query, under the name of what shows it."""
    for panel in PANELS:
        for target in panel["targets"]:
            yield f"{panel['title']} {target['refId']}", target["expr"]
    for annotation in DASHBOARD["annotations"]["list"]:
        yield annotation["name"], annotation["expr"]


async def variables(prometheus: Prometheus) -> dict[str, str]:
    """What Grafana would put in for the dashboard's variables, and for its own."""
    values = {"__rate_interval": "1m"}
    for variable in DASHBOARD["templating"]["list"]:
        if variable["type"] == "datasource":
            continue
        asked = re.fullmatch(r"label_values\((\w+), (\w+)\)", variable["query"]["query"])
        assert asked, variable
        found = await prometheus.get(f"/api/v1/label/{asked[2]}/values", **{"match[]": asked[1]})
        values[variable["name"]] = found[0]
    return values


def resolved(expr: str, values: dict[str, str]) -> str:
    """`expr` with its variables' values."""
    return re.sub(r"\$\{?(\w+)\}?", lambda variable: values[variable[1]], expr)


async def test_every_query_finds_something(tmp_path: Path) -> None:
    async with observed(tmp_path) as prometheus:
        values = await variables(prometheus)
        left = {name: resolved(expr, values) for name, expr in queries()}
        assert len(left) > 30
        for name in SILENT:
            await prometheus.query(left.pop(name))

        async def nothing_left() -> bool:
            for name, expr in [*left.items()]:
                if await prometheus.query(expr):
                    del left[name]
            return not left

        try:
            await eventually(nothing_left, "every query finds something")
        except AssertionError:
            assert left == {}


async def test_a_governor_that_is_new_shows_no_gap_at_the_top(tmp_path: Path) -> None:
    shown = [panel for panel in PANELS if panel["type"] == "stat"]
    assert len(shown) > 3
    async with observed(tmp_path, busy=False) as prometheus:
        values = await variables(prometheus)
        for panel in shown:
            for target in panel["targets"]:
                found = await prometheus.query(resolved(target["expr"], values))
                assert found or panel["fieldConfig"]["defaults"].get("noValue"), panel["title"]


def test_every_metric_is_on_the_dashboard() -> None:
    text = " ".join(expr for _, expr in queries())
    assert [metric for metric in METRICS if metric not in text] == []


def test_panels_have_a_place_of_their_own_and_the_dashboards_data_source() -> None:
    taken: set[tuple[int, int]] = set()
    for panel in DASHBOARD["panels"]:
        at = panel["gridPos"]
        cells = {
            (x, y)
            for x in range(at["x"], at["x"] + at["w"])
            for y in range(at["y"], at["y"] + at["h"])
        }
        assert all(x < 24 for x, _ in cells)
        assert not taken & cells, panel["title"]
        taken |= cells
    sources = re.findall(r'"uid": "([^"]+)"', json.dumps(DASHBOARD))
    assert set(sources) == {"${datasource}", DASHBOARD["uid"]}
    ids = [panel["id"] for panel in DASHBOARD["panels"]]
    assert len(set(ids)) == len(ids)
