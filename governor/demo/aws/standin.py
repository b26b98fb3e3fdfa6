"""AWS on this machine: a proxy before moto that adds what moto lacks, and trouble.

What moto lacks stands in `lacking`; 429s, outages, slow answers and missing permissions are made
here. Point `AWS_ENDPOINT_URL` at a `StandIn`'s `url`.
"""

import http.client
import json
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from fnmatch import fnmatchcase
from http import HTTPStatus
from types import TracebackType
from typing import Any, Final, Self

from governor.demo.aws.configurations import Configurations
from governor.demo.aws.lacking import Answer, Lacking, denied, refusal, throttled
from governor.demo.aws.listener import HangUpError, Listener, Request
from governor.demo.aws.moto import Moto

Trouble = Callable[[Request], Answer | None]
"""What goes wrong: another answer, or None (after a while, perhaps): nothing."""


def hang_up(_: Request) -> Answer:
    """No answer: the connection ends."""
    raise HangUpError


class StandIn:
    """The proxy. `state` is what moto lacks; `asked` is every action that came, in order."""

    def __init__(self, moto: Moto) -> None:
        """Serve before `moto` on a port of its own."""
        self.state = Lacking()
        self.configurations = Configurations()
        self.asked: list[str] = []
        self.functions: list[dict[str, Any]] = []
        self._moto = moto
        self._troubles: list[tuple[str, Trouble]] = []
        self._listener = Listener(self.answer)
        self.url = self._listener.url

    def __enter__(self) -> Self:
        """Nothing more to do."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close it."""
        self.close()

    def close(self) -> None:
        """Serve no more."""
        self._listener.close()

    def trouble(self, actions: str, what: Trouble) -> None:
        """From now on `what` goes wrong with `actions`, a pattern such as `lambda:*`."""
        self._troubles.append((actions, what))

    def throttle(self, actions: str = "*") -> None:
        """Answer 429."""
        self.trouble(actions, lambda _: throttled())

    def deny(self, actions: str) -> None:
        """The role lacks the permission."""
        self.trouble(actions, lambda request: denied(request.action))

    def slow_down(self, actions: str, seconds: float) -> None:
        """Answer late."""
        self.trouble(actions, lambda _: time.sleep(seconds))

    def fail(self, actions: str) -> None:
        """Answer 503."""
        self.trouble(
            actions, lambda _: refusal(503, "ServiceException", "An error occurred in AWS")
        )

    def heal(self) -> None:
        """Nothing goes wrong any more."""
        self._troubles.clear()

    def counted(self) -> Counter[str]:
        """How often each action was asked for."""
        return Counter(self.asked)

    def answer(self, request: Request) -> Answer:
        """Answer a request. Raises `HangUpError`."""
        self.asked.append(request.action)
        for pattern, trouble in list(self._troubles):
            if fnmatchcase(request.action, pattern):
                answer = trouble(request)
                if answer is not None:
                    return answer
        return self.carry_out(request)

    def carry_out(self, request: Request) -> Answer:
        """What AWS does when nothing goes wrong."""
        own = _OWN.get(request.action)
        return self.forward(request) if own is None else own(self, request)

    def forward(self, request: Request) -> Answer:
        """What moto answers."""
        connection = http.client.HTTPConnection("127.0.0.1", self._moto.port)
        try:
            connection.request(request.method, request.target, request.content, request.headers)
            answer = connection.getresponse()
            content = answer.read()
            error = answer.getheader("x-amzn-errortype")
        finally:
            connection.close()
        if content.startswith(b"<"):  # EC2 speaks XML
            return Answer(answer.status, content)
        body = json.loads(content) if content else None
        if answer.status >= HTTPStatus.BAD_REQUEST:
            code = error or (body or {}).get("__type") or "ResourceNotFoundException"
            return refusal(answer.status, code, (body or {}).get("message", ""))
        return Answer(answer.status, body)


def _list(standin: StandIn, request: Request) -> Answer:
    listed = standin.forward(request).body["EventSourceMappings"]
    return standin.state.page(listed, *_page_of(request))


def _list_functions(standin: StandIn, request: Request) -> Answer:
    """Ask moto once for all pages: it would make the whole list for each of them."""
    marker, size = _page_of(request)
    if marker is None:
        standin.functions = standin.forward(request).body["Functions"]
    return standin.state.functions_page(standin.functions, marker, size)


def _urls(standin: StandIn, request: Request) -> Answer:
    """List the one URL that moto can have of a function."""
    target = request.target.replace("/urls", "/url")
    answer = standin.forward(replace(request, target=target))
    return Answer(200, {"FunctionUrlConfigs": [] if answer.error else [answer.body]})


def _page_of(request: Request) -> tuple[str | None, int]:
    query = request.query
    return query.get("Marker", [None])[0], int(query.get("MaxItems", ["100"])[0])


def _update(standin: StandIn, request: Request) -> Answer:
    known = standin.forward(_with(request, method="GET", content=b""))
    if known.error is not None:
        return known
    refused = standin.state.update_refused(request.subject, known.body, request.body)
    if refused is not None:
        return refused
    return Answer(202, standin.state.shown(standin.forward(request).body))


def _with(request: Request, *, method: str, content: bytes) -> Request:
    headers = {**request.headers, "Content-Length": str(len(content))}
    return Request(request.action, request.subject, method, request.target, headers, content)


def _get_function(standin: StandIn, request: Request) -> Answer:
    answer = standin.forward(request)
    if answer.error is None:
        shown = standin.configurations.shown(answer.body["Configuration"])
        tags = standin.state.tags.get(shown["FunctionArn"], {})
        nothing = standin.state.reserved.get(request.subject) == 0  # which moto leaves out
        known = {"Concurrency": {"ReservedConcurrentExecutions": 0}} if nothing else {}
        return Answer(200, answer.body | known | {"Configuration": shown, "Tags": tags})
    return answer


def _configure(standin: StandIn, request: Request) -> Answer:
    refused = standin.configurations.refused(request.subject, request.body)
    if refused is not None:
        return refused
    answer = standin.forward(request)
    if answer.error is None:
        standin.configurations.begin(request.subject)
        return Answer(200, standin.configurations.shown(answer.body))
    return answer


def _put_concurrency(standin: StandIn, request: Request) -> Answer:
    wanted = request.body["ReservedConcurrentExecutions"]
    refused = standin.state.reserve_refused(request.subject, wanted)
    answer = refused or standin.forward(request)
    if answer.error is None:
        standin.state.reserved[request.subject] = wanted
    return answer


def _delete_concurrency(standin: StandIn, request: Request) -> Answer:
    answer = standin.forward(request)
    if answer.error is None:
        standin.state.reserved.pop(request.subject, None)
    return answer


def _create(standin: StandIn, request: Request) -> Answer:
    answer = standin.forward(request)
    if answer.error is None and (tags := request.body.get("Tags")):
        standin.state.tags[answer.body["FunctionArn"]] = tags
    return answer


def _delete(standin: StandIn, request: Request) -> Answer:
    answer = standin.forward(request)
    if answer.error is None:
        for arn in [arn for arn in standin.state.tags if arn.endswith(f":{request.subject}")]:
            del standin.state.tags[arn]
    return answer


def _tag(standin: StandIn, request: Request) -> Answer:
    answer = standin.forward(request)
    if answer.error is None:
        standin.state.tags.setdefault(request.subject, {}).update(request.body["Tags"])
    return answer


def _untag(standin: StandIn, request: Request) -> Answer:
    answer = standin.forward(request)
    if answer.error is None:
        for key in request.query["tagKeys"]:
            standin.state.tags.get(request.subject, {}).pop(key, None)
    return answer


_OWN: Final[dict[str, Callable[[StandIn, Request], Answer]]] = {
    "lambda:ListEventSourceMappings": _list,
    "lambda:ListFunctions": _list_functions,
    "lambda:ListFunctionUrlConfigs": _urls,
    "lambda:UpdateEventSourceMapping": _update,
    "lambda:GetAccountSettings": lambda standin, _: standin.state.account_settings(),
    "lambda:GetFunction": _get_function,
    "lambda:UpdateFunctionConfiguration": _configure,
    "lambda:PutFunctionConcurrency": _put_concurrency,
    "lambda:DeleteFunctionConcurrency": _delete_concurrency,
    "lambda:ListProvisionedConcurrencyConfigs": (
        lambda standin, request: standin.state.provisioned_configs(request.subject)
    ),
    "lambda:CreateFunction": _create,
    "lambda:DeleteFunction": _delete,
    "lambda:TagResource": _tag,
    "lambda:UntagResource": _untag,
    "tag:GetResources": lambda standin, request: standin.state.resources(request.body),
    "servicequotas:RequestServiceQuotaIncrease": (
        lambda standin, request: standin.state.quota_requested(request.body)
    ),
    "servicequotas:ListRequestedServiceQuotaChangeHistoryByQuota": (
        lambda standin, _: standin.state.quota_history()
    ),
}
