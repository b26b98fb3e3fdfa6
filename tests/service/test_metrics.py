"""/metrics: what is counted, over all workers, with labels that can't grow without bound."""

import re
import shutil
import subprocess
from pathlib import Path

from tests.conftest import missing
from tests.governors import Governor, data_dir


def value(text: str, sample: str) -> float:
    """Return a sample's value, 0 if it is not there."""
    found = re.search(rf"^{re.escape(sample)} (\S+)$", text, re.MULTILINE)
    return float(found[1]) if found else 0.0


def test_every_outcome_is_counted(governor: Governor, name: str) -> None:
    governor.put(f"/v1/functions/{name}", {"max_concurrency": 1, "max_attempts": 5})
    governor.put(f"/v1/functions/{name}-s", {"max_concurrency": 0, "mode": "shadow"})
    governor.acquire(f"{name}:a", name)
    governor.acquire(f"{name}:a", name)
    governor.acquire(f"{name}:b", name)
    governor.acquire(f"{name}:c", name, attempt=5)
    governor.acquire(f"{name}:d", f"{name}-s")
    governor.release(f"{name}:a")
    text = governor.metrics()
    for result, count in {"granted": 1, "replayed": 1, "denied": 1, "overrun": 1}.items():
        sample = f'governor_acquires_total{{function="{name}",result="{result}"}}'
        assert value(text, sample) == count, result
    shadow = f'governor_acquires_total{{function="{name}-s",result="shadow_denied"}}'
    assert value(text, shadow) == 1
    denials = f'governor_denials_total{{denied_by="function:{name}",function="{name}"}}'
    assert value(text, denials) == 1
    released = f'governor_releases_total{{function="{name}",result="released"}}'
    assert value(text, released) == 1
    assert value(text, f'governor_in_use{{scope="function:{name}"}}') == 1
    assert value(text, f'governor_max_concurrency{{scope="function:{name}"}}') == 1
    assert value(text, "governor_store_up") == 1


def test_headroom_is_a_gauge(governor: Governor, name: str) -> None:
    governor.put(f"/v1/groups/{name}", {"max_concurrency": 9, "headroom": 4})
    assert value(governor.metrics(), f'governor_headroom{{scope="group:{name}"}}') == 4


def test_promtool_finds_nothing_to_complain_of(governor: Governor, name: str) -> None:
    promtool = shutil.which("promtool")
    if promtool is None:
        missing("promtool")
        return
    governor.put(f"/v1/functions/{name}", {"max_concurrency": 0})
    governor.acquire(f"{name}:a", name)
    governor.release(f"{name}:a")
    governor.acquire(f"{name}:b", f"{name}-free")
    checked = subprocess.run(
        [promtool, "check", "metrics"],
        input=governor.metrics(),
        capture_output=True,
        text=True,
        check=False,
    )
    assert (checked.returncode, checked.stdout + checked.stderr) == (0, "")


def test_two_workers_tell_one_truth(tmp_path: Path) -> None:
    with Governor(*data_dir(tmp_path), "--workers", "2") as governor:
        for number in range(60):  # each on a connection of its own: the kernel spreads them
            governor.acquire(f"{number}")
        texts = [governor.metrics() for _ in range(12)]
    sample = 'governor_acquires_total{function="f",result="granted"}'
    assert {value(text, sample) for text in texts} == {60}
    assert {value(text, "governor_acquire_seconds_count") for text in texts} == {60}


def test_made_up_functions_share_a_label(tmp_path: Path) -> None:
    with Governor(*data_dir(tmp_path)) as governor:
        governor.put("/v1/functions/listed", {})
        for number in range(1200):
            governor.acquire(f"{number}", f"made-up-{number}")
        governor.acquire("listed", "listed")
        text = governor.metrics()
    own = set(re.findall(r'governor_acquires_total\{function="(made-up-\d+)"', text))
    assert len(own) == 1000
    assert value(text, 'governor_acquires_total{function="other",result="granted"}') == 200
    assert value(text, 'governor_acquires_total{function="listed",result="granted"}') == 1
    scopes = re.findall(r'governor_in_use\{scope="function:made-up', text)
    assert len(scopes) == 1000
    assert value(text, 'governor_in_use{scope="function:other"}') == 200
