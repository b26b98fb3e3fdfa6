"""The dashboard as files: served by the service alone, and nothing in them from elsewhere."""

import re
from pathlib import Path

import pytest

from tests.service.api import Api

STATIC = Path(__file__).parents[2] / "governor" / "service" / "static"
FILES = sorted(each.name for each in STATIC.iterdir() if each.is_file())
LIBRARY = {"uplot.css", "uplot.js"}
"""Not ours: `tests/unit/test_wheel.py` has more of them."""


async def test_the_page(api: Api) -> None:
    reply = await api.get("/")
    assert reply.status == 200
    assert reply.headers["Content-Type"] == "text/html; charset=utf-8"
    policy = reply.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert reply.headers["X-Content-Type-Options"] == "nosniff"


@pytest.mark.parametrize("name", sorted({*FILES, *LIBRARY} - {"index.html"}))
async def test_a_file(api: Api, name: str) -> None:
    reply = await api.get(f"/static/{name}")
    assert reply.status == 200
    folder = STATIC / "uplot" if name in LIBRARY else STATIC
    assert reply.body == (folder / name).read_bytes()
    kinds = {"css": "text/css", "js": "text/javascript", "svg": "image/svg+xml"}
    assert reply.headers["Content-Type"].startswith(kinds[name.rpartition(".")[2]])
    again = await api.get(f"/static/{name}", If_None_Match=reply.etag)
    assert (again.status, again.body) == (304, b"")
    assert (await api.get(f"/static/{name}", If_None_Match='"other"')).status == 200


@pytest.mark.parametrize(
    "name", ["missing.js", "index.html", "..%2Fapp.py", "%2e%2e.js", "LICENSE"]
)
async def test_no_other_file(api: Api, name: str) -> None:
    assert (await api.get(f"/static/{name}")).status in {400, 404}


@pytest.mark.parametrize("name", FILES)
def test_a_file_names_no_other_origin(name: str) -> None:
    text = (STATIC / name).read_text(encoding="utf-8")
    assert set(re.findall(r"https?://[^/\s\"']+", text)) <= {"http://www.w3.org"}


@pytest.mark.parametrize("name", FILES)
def test_a_file_that_is_named_is_there(name: str) -> None:
    text = (STATIC / name).read_text(encoding="utf-8")
    named = re.findall(r"""(?:from|import) "\./([^"]+)"|="static/([^"]+)\"""", text)
    assert {one or other for one, other in named} <= {*FILES, *LIBRARY}
