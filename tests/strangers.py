"""Servers that a command may come upon in a governor's place."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from urllib.error import HTTPError
from urllib.request import Request, urlopen

Answer = Callable[[BaseHTTPRequestHandler], None]
"""Answers a request, whatever its method."""


@contextmanager
def serving(answer: Answer) -> Iterator[str]:
    """Provide the URL of a server that gives `answer` to every request."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def go(self) -> None:
            answer(self)

        do_GET = do_PUT = do_PATCH = do_POST = go  # noqa: N815 - the names that it looks up

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()


def saying(body: bytes, content_type: str = "application/json") -> Answer:
    """Answer 200 with `body`."""

    def answer(request: BaseHTTPRequestHandler) -> None:
        request.rfile.read(int(request.headers["Content-Length"] or 0))
        request.send_response(200)
        request.send_header("Content-Type", content_type)
        request.send_header("Content-Length", f"{len(body)}")
        request.end_headers()
        request.wfile.write(body)

    return answer


def chunking(url: str) -> Answer:
    """Pass each request on to `url`, and its answer back in chunks, as reverse proxies may."""

    def answer(request: BaseHTTPRequestHandler) -> None:
        body = request.rfile.read(int(request.headers["Content-Length"] or 0))
        headers = {
            name: value
            for name, value in request.headers.items()
            if name in {"Authorization", "Content-Type", "If-Match", "If-None-Match"}
        }
        asked = Request(f"{url}{request.path}", body, headers, method=request.command)  # noqa: S310 - loopback
        try:
            answered = urlopen(asked)  # noqa: S310
        except HTTPError as refused:
            answered = refused
        with answered:
            content = answered.read()
        request.send_response(answered.status)
        request.send_header("Content-Type", answered.headers["Content-Type"])
        request.send_header("Transfer-Encoding", "chunked")
        if tag := answered.headers["ETag"]:
            request.send_header("ETag", tag)
        request.end_headers()
        request.wfile.write(b"%x\r\n%b\r\n0\r\n\r\n" % (len(content), content))

    return answer
