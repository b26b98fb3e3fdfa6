"""The table of the API: every call there is."""

from typing import Annotated, Any, Final

from aiohttp import web

from governor.policy import Account, Function, Group, Policy
from governor.service import controller, dashboard, facts, history, leases, limits, status
from governor.service.app import POLICY_BODY, Answer, Call, Handler, Route, json_response
from governor.service.bodies.facts import FactsAnswer, TagsAnswer, TagsBody, TagsQuery
from governor.service.bodies.history import DenialsAnswer, DenialsQuery, HistoryAnswer, HistoryQuery
from governor.service.bodies.leases import (
    AcquireBody,
    DeniedProblem,
    HoldersAnswer,
    HoldersQuery,
    LeaseAnswer,
    RenewAnswer,
    RenewBody,
)
from governor.service.bodies.limits import (
    EntryQuery,
    FunctionsAnswer,
    GroupsAnswer,
    PolicyAnswer,
    PolicyQuery,
)
from governor.service.bodies.status import HealthAnswer, PausedAnswer, StatusAnswer, StreamQuery
from governor.service.openapi import describe
from governor.tokens import Role
from governor.validation import FunctionName, GroupName, LeaseId, spelled

StaticFile = Annotated[
    str, spelled(r"[a-z][a-z_-]{0,40}\.(css|js|svg)", "a name that ends in .css, .js or .svg")
]


def _view(path: str, summary: str, handler: Handler, answer: Answer, query: Any = None) -> Route:
    """Return a call that shows something of the pool."""
    return Route("GET", path, Role.READER, summary, handler, {200: answer}, query=query)


def _entries(entries: limits.Entries, name: Any, shape: Any, list_shape: Any) -> list[Route]:
    """Return the calls about functions, or those about groups."""
    kind = entries.kind
    every = f"/v1/{kind}s"
    one = f"{every}/{{name}}"
    parameters = {"name": name}
    entry = Answer(f"The {kind}.", shape)
    added = Answer(f"The {kind}, which is new.", shape)
    missing = Answer(f"There is no such {kind}.")
    gone = {204: Answer("Removed."), 404: missing}
    if shape is Group:
        gone[409] = Answer("Functions still name the group.")
    return [
        _view(
            every, f"List the {kind}s", entries.list, Answer(f"All {kind}s by name.", list_shape)
        ),
        Route(
            "GET",
            one,
            Role.READER,
            f"Read a {kind}",
            entries.get,
            {200: entry, 404: missing},
            parameters,
        ),
        Route(
            "PUT",
            one,
            Role.ADMIN,
            f"Add or replace a {kind}",
            entries.put,
            {200: entry, 201: added},
            parameters,
            query=EntryQuery,
            body=shape,
            conditional=True,
        ),
        Route(
            "PATCH",
            one,
            Role.ADMIN,
            f"Change fields of a {kind} (RFC 7396)",
            entries.patch,
            {200: entry, 404: missing},
            parameters,
            query=EntryQuery,
            body=dict[str, Any],
            conditional=True,
        ),
        Route(
            "DELETE",
            one,
            Role.ADMIN,
            f"Remove a {kind}",
            entries.delete,
            gone,
            parameters,
            conditional=True,
        ),
    ]


async def _openapi(_: Call) -> web.Response:
    return json_response(describe(ROUTES))


_ACCOUNT = Answer("The account's limits.", Account)
_SAME = Answer("As it was: If-None-Match names it.")

ROUTES: Final[list[Route]] = [
    Route(
        "POST",
        "/v1/leases",
        Role.LAYER,
        "Check in",
        leases.acquire,
        {
            201: Answer("Granted.", LeaseAnswer),
            200: Answer("The id's lease is live already; nothing was counted.", LeaseAnswer),
            429: Answer("Denied.", DeniedProblem, "application/problem+json"),
        },
        body=AcquireBody,
    ),
    _view(
        "/v1/leases",
        "List who holds what, oldest first",
        leases.holders,
        Answer("The leases.", HoldersAnswer),
        HoldersQuery,
    ),
    Route(
        "POST",
        "/v1/leases/{id}/renew",
        Role.LAYER,
        "Extend a lease",
        leases.renew,
        {200: Answer("The lease's new end; an id that was released ends now.", RenewAnswer)},
        {"id": LeaseId},
        body=RenewBody,
    ),
    Route(
        "DELETE",
        "/v1/leases/{id}",
        Role.LAYER,
        "Check out",
        leases.release,
        {204: Answer("Over, whether the id was known or not.")},
        {"id": LeaseId},
    ),
    *_entries(limits.functions, FunctionName, Function, FunctionsAnswer),
    *_entries(limits.groups, GroupName, Group, GroupsAnswer),
    _view("/v1/account", "Read the account's limits", limits.get_account, _ACCOUNT),
    Route(
        "PUT",
        "/v1/account",
        Role.ADMIN,
        "Replace the account's limits",
        limits.put_account,
        {200: _ACCOUNT},
        query=EntryQuery,
        body=Account,
        conditional=True,
    ),
    Route(
        "PATCH",
        "/v1/account",
        Role.ADMIN,
        "Change fields of the account's limits (RFC 7396)",
        limits.patch_account,
        {200: _ACCOUNT},
        query=EntryQuery,
        body=dict[str, Any],
        conditional=True,
    ),
    _view(
        "/v1/policy",
        "Read the policy (JSON, or YAML if asked for)",
        limits.get_policy,
        Answer("The document.", Policy),
    ),
    Route(
        "PUT",
        "/v1/policy",
        Role.ADMIN,
        "Replace the policy (JSON or YAML)",
        limits.put_policy,
        {200: Answer("What changed, or would change.", PolicyAnswer)},
        query=PolicyQuery,
        body=bytes,
        most_bytes=POLICY_BODY,
        conditional=True,
    ),
    _view(
        "/v1/facts",
        "What AWS says of functions, as last heard",
        facts.get_facts,
        Answer("Facts by function.", FactsAnswer),
    ),
    Route(
        "PUT",
        "/v1/facts/tags",
        Role.ADMIN,
        "Replace the tags of all functions",
        facts.put_tags,
        {200: Answer("What moved, or would move, and the wishes.", TagsAnswer)},
        query=TagsQuery,
        body=TagsBody,
        most_bytes=POLICY_BODY,
    ),
    Route(
        "POST",
        "/v1/controller/pause",
        Role.ADMIN,
        "Have the controller change nothing",
        controller.pause,
        {200: Answer("It is paused, whoever leads.", PausedAnswer)},
    ),
    Route(
        "POST",
        "/v1/controller/resume",
        Role.ADMIN,
        "Have the controller go on",
        controller.resume,
        {200: Answer("It is not paused.", PausedAnswer)},
    ),
    _view("/v1/status", "The pool at a glance", status.status, Answer("All scopes.", StatusAnswer)),
    _view(
        "/v1/stream",
        "The same once a second, as server-sent events",
        status.stream,
        Answer("`status`, `changes`, `unavailable`.", content_type="text/event-stream"),
        StreamQuery,
    ),
    _view(
        "/v1/history",
        "The last hour of a scope",
        history.history,
        Answer("Peaks, and of the account samples.", HistoryAnswer),
        HistoryQuery,
    ),
    _view(
        "/v1/denials",
        "What was denied in the last hour, by scope and function",
        history.denials,
        Answer("The scopes that denied, or would have.", DenialsAnswer),
        DenialsQuery,
    ),
    _view(
        "/metrics",
        "Prometheus metrics",
        status.prometheus,
        Answer("Metrics.", content_type="text/plain"),
    ),
    Route(
        "GET",
        "/healthz",
        Role.ANYONE,
        "Whether the process is alive",
        status.healthz,
        {200: Answer("It is.", HealthAnswer)},
    ),
    Route(
        "GET",
        "/readyz",
        Role.ANYONE,
        "Whether the store can be reached",
        status.readyz,
        {200: Answer("It can.", HealthAnswer)},
    ),
    Route(
        "GET",
        "/openapi.json",
        Role.ANYONE,
        "This description",
        _openapi,
        {200: Answer("OpenAPI 3.1.", dict[str, Any])},
    ),
    Route(
        "GET",
        "/",
        Role.ANYONE,
        "Dashboard",
        dashboard.page,
        {200: Answer("A page.", content_type="text/html"), 304: _SAME},
    ),
    Route(
        "GET",
        "/static/{file}",
        Role.ANYONE,
        "A file of the dashboard",
        dashboard.file,
        {
            200: Answer("The file.", content_type="*/*"),
            304: _SAME,
            404: Answer("There is no such file."),
        },
        {"file": StaticFile},
    ),
]
"""Every call, in the order of DESIGN section 5."""
