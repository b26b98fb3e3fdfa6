"""Bytes that are no HTTP, or hardly: the service answers or hangs up, and goes on."""

import asyncio
import gzip
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from governor.service.app import POLICY_BODY, SMALL_BODY
from governor.service.routes import ROUTES
from tests.service.api import Api

GOOD = b'{"id": "raw", "function": "f", "ttl_ms": 60000}'
POST = b"POST /v1/leases HTTP/1.1\r\nHost: x\r\n"

REFUSED = {
    "HTTP/9": b"GET /healthz HTTP/9.9\r\nHost: x\r\n\r\n",
    "no method": b" /healthz HTTP/1.1\r\nHost: x\r\n\r\n",
    "raw Unicode": "GET /v1/functions/größe HTTP/1.1\r\nHost: x\r\n\r\n".encode(),
    "raw NUL": b"GET /v1/functions/a\x00b HTTP/1.1\r\nHost: x\r\n\r\n",
    "long line": b"GET /v1/functions/" + b"x" * 100_000 + b" HTTP/1.1\r\nHost: x\r\n\r\n",
    "long header": b"GET /healthz HTTP/1.1\r\nHost: x\r\nX: " + b"x" * 100_000 + b"\r\n\r\n",
    "many headers": b"GET /healthz HTTP/1.1\r\nHost: x\r\n" + b"X: x\r\n" * 10_000 + b"\r\n",
    "header without name": b"GET /healthz HTTP/1.1\r\n: x\r\n\r\n",
    "length that is none": POST + b"Content-Length: many\r\n\r\n" + GOOD,
    "length below zero": POST + b"Content-Length: -1\r\n\r\n" + GOOD,
    "two lengths": POST + b"Content-Length: 3\r\nContent-Length: 47\r\n\r\n" + GOOD,
    "length and chunks": POST
    + b"Content-Length: 47\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "chunk that is none": POST + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n" + GOOD,
    "gzip that is none": POST
    + b"Content-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(GOOD)
    + GOOD,
    "absolute URL": b"GET http://[::1/ HTTP/1.1\r\nHost: x\r\n\r\n",
    "asterisk": b"OPTIONS * HTTP/1.1\r\nHost: x\r\n\r\n",
    "CONNECT": b"CONNECT example.org:443 HTTP/1.1\r\nHost: x\r\n\r\n",
}
CUT_OFF = {
    "nothing": b"",
    "noise": bytes(range(256)) * 20,
    "TLS": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\x00" * 200,
    "headers": POST,
    "body": POST + b"Content-Length: 4700\r\n\r\n" + GOOD,
    "chunk": POST + b"Transfer-Encoding: chunked\r\n\r\nff\r\n" + GOOD,
}


@asynccontextmanager
async def connection(api: Api) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    """A bare connection to the service."""
    host, _, port = api.url.removeprefix("http://").partition(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    try:
        yield reader, writer
    finally:
        writer.close()


@pytest.mark.parametrize("request_", REFUSED.values(), ids=REFUSED)
async def test_what_is_no_proper_request_is_refused(api: Api, request_: bytes) -> None:
    await api.granted("held", "f")
    async with connection(api) as (reader, writer), asyncio.timeout(20):
        writer.write(request_)
        line = await reader.readline()
        assert line.split()[1].startswith(b"4"), line
    assert await api.holders() == ["held"]


@pytest.mark.parametrize("start", CUT_OFF.values(), ids=CUT_OFF)
async def test_who_hangs_up_amid_a_request_harms_nobody(api: Api, start: bytes) -> None:
    await api.granted("held", "f")
    async with connection(api) as (reader, writer), asyncio.timeout(20):
        writer.write(start)
        writer.write_eof()
        assert not (await reader.read()).startswith(b"HTTP/1.1 5")
    assert await api.holders() == ["held"]


@pytest.mark.parametrize("path", sorted({route.path for route in ROUTES if route.method == "GET"}))
async def test_head_is_get_without_its_content(api: Api, path: str) -> None:
    await api.set_policy("{functions: {x: {}}, groups: {x: {}}}")
    actual = path.replace("{name}", "x").replace("{file}", "app.js").encode()
    async with connection(api) as (reader, writer), asyncio.timeout(20):
        writer.write(b"HEAD %b HTTP/1.1\r\nHost: x\r\n\r\n" % actual)
        writer.write(b"GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        head, healthy, content = (await reader.read()).split(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 200 ")
    assert healthy.startswith(b"HTTP/1.1 200 ")
    assert content == b'{"status":"ok"}'


async def test_a_body_that_swells_is_bounded(api: Api) -> None:
    bomb = gzip.compress(b" " * (POLICY_BODY + 2**20))
    reply = await api.call("PUT", "/v1/policy", raw=bomb, headers={"Content-Encoding": "gzip"})
    reply.problem(413)


async def chunks(size: int) -> AsyncIterator[bytes]:
    """A body of spaces whose length nobody knows before."""
    for _ in range(0, size, 2**16):
        yield b" " * 2**16


@pytest.mark.parametrize(
    ("method", "path", "most"),
    [("POST", "/v1/leases", SMALL_BODY), ("PUT", "/v1/policy", POLICY_BODY)],
)
async def test_a_body_of_unknown_length_is_bounded(
    api: Api, method: str, path: str, most: int
) -> None:
    reply = await api.call(method, path, raw=chunks(most + 2**17))
    assert str(most) in reply.problem(413)["detail"]


async def test_a_body_that_comes_in_pieces_is_one_body(api: Api) -> None:
    async def pieces() -> AsyncIterator[bytes]:
        for byte in json.dumps({"id": "slow", "function": "f", "ttl_ms": 60_000}).encode():
            yield bytes([byte])

    assert (await api.call("POST", "/v1/leases", raw=pieces())).status == 201
    assert await api.holders() == ["slow"]
