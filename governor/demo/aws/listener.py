"""HTTP before the stand-in: what a request asks of AWS, by IAM's names, and who listens for it."""

import json
import re
import threading
from collections.abc import Callable
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Final
from urllib.parse import parse_qs, unquote, urlsplit

from governor.demo.aws.lacking import Answer

_SERVICES: Final = {
    "AmazonSQS": "sqs",
    "AmazonSSM": "ssm",
    "GraniteServiceVersion20100801": "cloudwatch",
    "ServiceQuotasV20190624": "servicequotas",
    "ResourceGroupsTaggingAPI_20170126": "tag",
}
_ROUTES: Final = [
    (method, re.compile(f"/[0-9-]+/{path}/?$"), f"lambda:{name}")
    for method, path, name in (
        ("GET", "event-source-mappings", "ListEventSourceMappings"),
        ("GET", "functions", "ListFunctions"),
        ("PUT", "event-source-mappings/([^/]+)", "UpdateEventSourceMapping"),
        ("GET", "account-settings", "GetAccountSettings"),
        ("POST", "functions", "CreateFunction"),
        ("GET", "functions/([^/]+)", "GetFunction"),
        ("PUT", "functions/([^/]+)/configuration", "UpdateFunctionConfiguration"),
        ("GET", "layers/([^/]+)/versions", "ListLayerVersions"),
        ("GET", "functions/([^/]+)/policy", "GetPolicy"),
        ("GET", "functions/([^/]+)/aliases", "ListAliases"),
        ("GET", "functions/([^/]+)/urls", "ListFunctionUrlConfigs"),
        ("GET", "functions/([^/]+)/event-invoke-config/list", "ListFunctionEventInvokeConfigs"),
        ("DELETE", "functions/([^/]+)", "DeleteFunction"),
        ("PUT", "functions/([^/]+)/concurrency", "PutFunctionConcurrency"),
        ("DELETE", "functions/([^/]+)/concurrency", "DeleteFunctionConcurrency"),
        ("GET", "functions/([^/]+)/provisioned-concurrency", "ListProvisionedConcurrencyConfigs"),
        ("GET", "tags/(.+)", "ListTags"),
        ("POST", "tags/(.+)", "TagResource"),
        ("DELETE", "tags/(.+)", "UntagResource"),
    )
]


@dataclass(frozen=True, slots=True)
class Request:
    """What a client asks: `action` is IAM's name for it, `subject` what stands in the path."""

    action: str
    subject: str
    method: str
    target: str
    headers: dict[str, str]
    content: bytes

    @property
    def body(self) -> dict[str, Any]:
        """The JSON that was sent."""
        value: dict[str, Any] = json.loads(self.content or b"{}")
        return value

    @property
    def query(self) -> dict[str, list[str]]:
        """What stands behind the question mark."""
        return parse_qs(urlsplit(self.target).query)


class HangUpError(Exception):
    """Close the connection without an answer."""


class Listener:
    """Listens at `url`, a port of its own, and answers each request in a thread of its own."""

    def __init__(self, answer: Callable[[Request], Answer]) -> None:
        """Listen from now on; `answer` may raise `HangUpError`."""
        handler = type("Handler", (_Handler,), {"answer": staticmethod(answer)})
        self._server = _Server(("127.0.0.1", 0), handler)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        self._thread = threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True
        )
        self._thread.start()

    def close(self) -> None:
        """Listen no more."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 64


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    answer: Callable[[Request], Answer]

    def _serve(self) -> None:
        content = self.rfile.read(int(self.headers.get("content-length") or 0))
        target = self.headers.get("x-amz-target")
        action, subject = _action(self.command, self.path, target, content)
        headers = dict(self.headers.items())
        request = Request(action, subject, self.command, self.path, headers, content)
        try:
            answer = self.answer(request)
        except HangUpError:
            self.close_connection = True
            return
        self.send_response(answer.status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(answer.content)))
        if answer.error is not None:
            self.send_header("x-amzn-ErrorType", answer.error)
        self.end_headers()
        self.wfile.write(answer.content)

    do_GET = do_PUT = do_POST = do_DELETE = _serve  # noqa: N815 - the library's names

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Say nothing."""


def _action(method: str, target: str, amz_target: str | None, content: bytes) -> tuple[str, str]:
    if amz_target is not None:
        service, _, operation = amz_target.partition(".")
        return f"{_SERVICES[service]}:{operation}", ""
    if content.startswith(b"Action="):
        return f"ec2:{parse_qs(content.decode())['Action'][0]}", ""
    path = urlsplit(target).path
    for verb, pattern, action in _ROUTES:
        if verb == method and (match := pattern.match(path)) is not None:
            return action, unquote(match.group(1)) if match.groups() else ""
    return f"{method} {path}", ""
