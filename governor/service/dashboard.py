"""The dashboard's page and its files, as they lie in `static/`: nothing comes from elsewhere.

The chart library is there once the governor was built (`hatch_build.py`). Where it is not, in a
checkout that nobody installed, everything is served but that, and the page says so.
"""

from dataclasses import dataclass
from hashlib import sha256
from importlib.resources import files
from pathlib import PurePath
from typing import Final

from aiohttp import web

from governor.errors import UnknownEntryError
from governor.service.app import Call

CONTENT_TYPES: Final = {
    ".html": "text/html",
    ".css": "text/css",
    ".js": "text/javascript",
    ".svg": "image/svg+xml",
}

PAGE: Final = "index.html"

HEADERS: Final = {
    "Cache-Control": "no-cache",  # keep it, but ask whether it is still the same
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
        "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}


@dataclass(frozen=True, slots=True)
class File:
    """A file as it is served."""

    content: bytes
    content_type: str
    tag: str


def _read() -> dict[str, File]:
    own = files("governor.service") / "static"
    library = own / "uplot"
    folders = [own, library] if library.is_dir() else [own]
    contents = {
        each.name: each.read_bytes()
        for folder in folders
        for each in folder.iterdir()
        if PurePath(each.name).suffix in CONTENT_TYPES
    }
    return {
        name: File(
            content,
            CONTENT_TYPES[PurePath(name).suffix],
            f'"{sha256(content).hexdigest()[:16]}"',
        )
        for name, content in contents.items()
    }


_FILES: Final = _read()


async def page(call: Call) -> web.Response:
    """Answer with the page."""
    return _answer(call, _FILES[PAGE])


async def file(call: Call) -> web.Response:
    """Answer with one of the page's files."""
    name = call.path["file"]
    if name not in _FILES:
        raise UnknownEntryError(f"the dashboard has no file {name!r}")
    return _answer(call, _FILES[name])


def _answer(call: Call, file: File) -> web.Response:
    headers = {**HEADERS, "ETag": file.tag}
    if file.tag in call.request.headers.get("If-None-Match", ""):
        return web.Response(status=304, headers=headers)
    return web.Response(
        body=file.content, content_type=file.content_type, charset="utf-8", headers=headers
    )
