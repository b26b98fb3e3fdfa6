"""What Prometheus reads."""

import asyncio
import fcntl
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.samples import Sample

from tests.conftest import missing
from tests.governors import Governor, Start
from tests.service.api import Api, eventually, served_again
from tests.stores import Server

LABELS = {
    "governor_in_use": {"scope"},
    "governor_max_concurrency": {"scope"},
    "governor_headroom": {"scope"},
    "governor_acquires_total": {"function", "result"},
    "governor_account_in_use": {"priority"},
    "governor_denials_total": {"function", "denied_by"},
    "governor_user_denials_total": {"denied_by"},
    "governor_releases_total": {"function", "result"},
    "governor_leases_expired_total": {"function"},
    "governor_acquire_seconds_bucket": {"le"},
    "governor_acquire_seconds_sum": set(),
    "governor_acquire_seconds_count": set(),
    "governor_store_up": set(),
    "governor_controller_leader": set(),
    "governor_controller_paused": set(),
}
UNKNOWN_NAMES = 1000


async def samples(api: Api) -> dict[tuple[str, frozenset[tuple[str, str]]], float]:
    """Every sample: its name and labels, and its value."""
    text = (await api.get("/metrics")).body.decode()
    return {(each.name, frozenset(each.labels.items())): each.value for each in parsed(text)}


def parsed(text: str) -> Iterator[Sample]:
    """The samples of an exposition."""
    for family in text_string_to_metric_families(text):
        yield from family.samples


def key(name: str, **labels: str) -> tuple[str, frozenset[tuple[str, str]]]:
    """How `samples` names a sample."""
    return name, frozenset(labels.items())


async def test_every_outcome_is_counted_under_its_name(start: Start, own_store: Server) -> None:
    governor = start("--store", own_store.url)
    async with Api(governor.url) as api:
        await api.set_policy(
            """
            account: {max_concurrency: 50, headroom: 5}
            groups: {g: {max_concurrency: 20}}
            functions:
              f: {groups: [g]}
              full: {max_concurrency: 0, max_attempts: 2, priority: background}
              shut: {max_concurrency: 0}
              shade: {max_concurrency: 0, mode: shadow}
            """
        )
        await api.denied("zero", "shut")
        await api.granted("one", "f")
        await api.check_in("one", "f")
        await api.granted("two", "f", ttl_ms=1)
        await api.denied("three", "full")
        await api.granted("four", "full", attempt=2)
        await api.granted("five", "shade")
        await api.check_out("five")
        await api.check_out("unknown")

        async def has_expired() -> bool:
            return await api.in_use("function:f") == 1

        await eventually(has_expired, "the short lease has expired")
        expected = {
            key("governor_acquires_total", function="f", result="granted"): 2,
            key("governor_acquires_total", function="f", result="replayed"): 1,
            key("governor_acquires_total", function="full", result="denied"): 1,
            key("governor_acquires_total", function="full", result="overrun"): 1,
            key("governor_acquires_total", function="shade", result="shadow_denied"): 1,
            key("governor_denials_total", function="full", denied_by="function:full"): 1,
            key("governor_denials_total", function="shut", denied_by="function:shut"): 1,
            key("governor_user_denials_total", denied_by="function:shut"): 1,
            key("governor_releases_total", function="shade", result="released"): 1,
            key("governor_releases_total", function="other", result="unknown"): 1,
            key("governor_leases_expired_total", function="f"): 1,
            key("governor_acquire_seconds_count"): 7,
            key("governor_store_up"): 1,
            key("governor_in_use", scope="account"): 2,
            key("governor_account_in_use", priority="user-facing"): 1,
            key("governor_account_in_use", priority="background"): 1,
            key("governor_in_use", scope="group:g"): 1,
            key("governor_in_use", scope="function:f"): 1,
            key("governor_in_use", scope="function:full"): 1,
            key("governor_in_use", scope="function:shade"): 0,
            key("governor_max_concurrency", scope="account"): 50,
            key("governor_max_concurrency", scope="group:g"): 20,
            key("governor_max_concurrency", scope="function:full"): 0,
            key("governor_headroom", scope="account"): 5,
        }
        found = await samples(api)
        assert key("governor_user_denials_total", denied_by="function:full") not in found
        assert {each: found.get(each) for each in expected} == expected
        assert key("governor_max_concurrency", scope="function:f") not in found
        own_store.kill()
        assert (await api.check_in("six", "f")).status == 503
        found = await samples(api)
        assert found[key("governor_acquires_total", function="f", result="unavailable")] == 1
        assert found[key("governor_store_up")] == 0


async def test_names_and_labels_are_the_documented_ones_and_promtool_agrees(api: Api) -> None:
    await api.set_policy("{account: {max_concurrency: 1}}")
    await api.granted("one", "f")
    await api.denied("two", "f")
    await api.check_out("one")
    await api.granted("three", "f", ttl_ms=1)
    await api.granted("four", "f", wait_ms=5000)
    text = (await api.get("/metrics")).body
    found: dict[str, set[str]] = {}
    for sample in parsed(text.decode()):
        found.setdefault(sample.name, set()).update(sample.labels)
    assert found == LABELS
    promtool = shutil.which("promtool")
    if promtool is None:
        missing("promtool")
    else:
        checked = await asyncio.to_thread(
            subprocess.run, [promtool, "check", "metrics"], input=text, capture_output=True
        )
        assert (checked.returncode, checked.stdout + checked.stderr) == (0, b"")


async def test_made_up_names_share_a_label(start: Start, own_store: Server) -> None:
    governor = start("--store", own_store.url)
    async with Api(governor.url) as api:
        await api.set_policy("{functions: {known: {}}}")
        for first in range(0, 1200, 100):
            await asyncio.gather(
                *(api.granted(f"{n}", f"made-up-{n}") for n in range(first, first + 100))
            )
        await api.granted("known", "known")
        found = await samples(api)
    for name, label, prefix in [
        ("governor_acquires_total", "function", ""),
        ("governor_in_use", "scope", "function:"),
    ]:
        values = {
            dict(labels)[label]: value
            for (each, labels), value in found.items()
            if each == name and dict(labels)[label] != "account"
        }
        assert values[f"{prefix}known"] == 1
        assert values[f"{prefix}other"] == 200
        assert len(values) == UNKNOWN_NAMES + 2
        assert sum(values.values()) == 1201


def folder_of(governor: Governor) -> Path:
    """Where its workers keep their counters."""
    return Path(governor.workers()[0].environ()["PROMETHEUS_MULTIPROC_DIR"])


async def test_the_service_outlives_the_folder_of_its_counters(
    start: Start, own_store: Server
) -> None:
    governor = start("--store", own_store.url)
    folder = folder_of(governor)
    shutil.rmtree(folder)
    async with Api(governor.url) as api:
        await api.granted("one", "f")
        gauges = await samples(api)
        assert gauges[key("governor_in_use", scope="function:f")] == 1
        assert key("governor_acquires_total", function="f", result="granted") not in gauges
        assert f"the folder {folder} with the counters is gone" in governor.output
        (victim,) = governor.workers()
        victim.kill()
        await served_again(api)
        await api.granted("two", "f")
        counters = await samples(api)
        assert counters[key("governor_acquires_total", function="f", result="granted")] == 1


def test_what_is_in_use_is_not_cleaned_up(start: Start, own_store: Server) -> None:
    """Systemd takes this lock of what it is about to remove, and leaves it if it can't."""
    folder = os.open(folder_of(start("--store", own_store.url)), os.O_RDONLY)
    try:
        with pytest.raises(BlockingIOError):
            fcntl.flock(folder, fcntl.LOCK_EX | fcntl.LOCK_NB)
    finally:
        os.close(folder)
