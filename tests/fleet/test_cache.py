"""What is kept of single functions between two runs."""

import stat
import threading
from pathlib import Path

import pytest

from governor.errors import SettingsError
from governor.fleet.aws.cache import MAX_AGE_S, Cache, CacheError, path_for
from governor.fleet.details import Details
from governor.fleet.function import Function
from governor.fleet.sources import Kind, Source

NOW = 1_000_000.0
API = Function("api", "arn:api", revision="1")
ETL = Function("etl", "arn:etl", revision="1")
WEB = Function("web", "arn:web", revision="1")
READ = Details(
    reserved=3,
    provisioned=4,
    callers=(Source(Kind.API, "API Gateway"),),
    on_failure="arn:failed",
)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "governor" / "fleet.json"


def filled(path: Path, function: Function = API, at_s: float = NOW) -> None:
    cache = Cache(path)
    cache.put(function, READ, at_s)
    cache.save(at_s)


def test_what_was_read_is_there_again(path: Path) -> None:
    filled(path)
    (entry,) = Cache(path).get([API, ETL], NOW + 60).values()
    assert (entry.details, entry.read_at_s) == (READ, NOW)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [each.name for each in path.parent.iterdir()] == [path.name]


@pytest.mark.parametrize(
    ("function", "later_s"),
    [(API, MAX_AGE_S), (API, -1), (Function("api", "arn:api", revision="2"), 0), (ETL, 0)],
)
def test_what_may_have_changed_is_not(path: Path, function: Function, later_s: float) -> None:
    filled(path)
    assert Cache(path).get([function], NOW + later_s) == {}


def test_what_was_read_in_part_or_will_soon_be_otherwise_is_not_kept(path: Path) -> None:
    cache = Cache(path)
    cache.put(API, Details(unread=("lambda:GetPolicy",)), NOW)
    cache.put(ETL, Details(braked=5), NOW)
    cache.put(WEB, Details(old_aliases=("live",)), NOW)
    assert cache.get([API, ETL, WEB], NOW) == {}


def test_what_is_old_is_dropped(path: Path) -> None:
    filled(path)
    filled(path, ETL, NOW + MAX_AGE_S)
    assert "arn:api" not in path.read_text()


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"null",
        b"\xff\xfe",
        b'{"form": 2, "functions": {}}',
        b'{"form": 1}',
        b'{"form": 1, "functions": {"arn:api": {"read_at_s": "x"}}}',
    ],
)
def test_a_corrupt_cache_is_as_none_and_written_anew(path: Path, content: bytes) -> None:
    path.parent.mkdir()
    path.write_bytes(content)
    assert Cache(path).get([API], NOW) == {}
    filled(path)
    assert Cache(path).get([API], NOW).keys() == {"api"}


def test_two_at_once_keep_what_both_have_read(path: Path) -> None:
    one, other = Cache(path), Cache(path)
    one.put(API, READ, NOW)
    other.put(ETL, READ, NOW)
    one.save(NOW)
    other.save(NOW)
    assert Cache(path).get([API, ETL], NOW).keys() == {"api", "etl"}


def test_many_at_once_never_leave_half_a_file(path: Path) -> None:
    filled(path)
    functions = [Function(f"f{n}", f"arn:{n}") for n in range(20)]
    threads = [threading.Thread(target=filled, args=(path, each)) for each in functions]
    for each in threads:
        each.start()
    while any(each.is_alive() for each in threads):
        assert "api" in Cache(path).get([API], NOW)
    for each in threads:
        each.join()
    assert [each.name for each in path.parent.iterdir()] == [path.name]


def test_a_cache_that_can_not_be_written(tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("")
    cache = Cache(blocked / "fleet.json")
    with pytest.raises(CacheError, match="can't be written"):
        cache.save(NOW)


def test_where_it_lies(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", f"{tmp_path}")
    assert path_for("1", "r") == tmp_path / "governor" / "fleet-1-r.json"
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setenv("HOME", f"{tmp_path}")
    assert path_for("1", "r") == tmp_path / ".cache" / "governor" / "fleet-1-r.json"


def test_nowhere_to_lie(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.delenv("HOME", raising=False)
    monkeypatch.setattr("os.getuid", lambda: 4_000_000)
    with pytest.raises(SettingsError, match="set XDG_CACHE_HOME"):
        path_for("1", "r")
