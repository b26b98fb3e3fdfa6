"""Calls about what the user wants: account, groups, functions, and the policy as a whole.

A function, a group and the account are entries of the policy; each call below edits the document
and puts it back, so there is one way for a change to take. Functions are shown with their wishes.
"""

import asyncio
from collections.abc import Callable
from typing import Any, Final, TypeVar

import msgspec
import yaml
from aiohttp import web
from msgspec.structs import replace

from governor.changes import diff
from governor.errors import (
    GroupInUseError,
    InvalidInputError,
    PreconditionError,
    UnknownEntryError,
    few,
)
from governor.ledger.policy_store import Edit
from governor.policy import (
    Account,
    Function,
    Group,
    Policy,
    checked,
    parse_json,
    parse_yaml,
    version_of,
)
from governor.resolver import Resolver
from governor.service.app import Call, json_response
from governor.service.bodies.limits import PolicyAnswer
from governor.validation import convert

Entry = Account | Group | Function
E = TypeVar("E", Account, Group, Function)

YAML: Final = "application/yaml"


def shown(policy: Policy, entry: Entry) -> dict[str, Any]:
    """Return an entry with every field, defaults filled in; a PUT of it changes nothing else."""
    fields: dict[str, Any] = {
        each.encode_name: getattr(entry, each.name) for each in msgspec.structs.fields(entry)
    }
    if isinstance(entry, Function):
        fields["priority"] = entry.priority or policy.defaults.priority
    return fields


def etag(value: object) -> str:
    """Return the entity tag of what an answer shows."""
    return f'"{version_of(msgspec.json.encode(value, order="sorted"))}"'


def policy_tag(policy: Policy) -> str:
    """Return the entity tag of the whole document."""
    return f'"{policy.version}"'


def check_match(call: Call, tag: str | None) -> None:
    """Raise `PreconditionError` if what the call is based on is not what stands.

    That is `tag`, or None where there is no entry. If-Match must name it, If-None-Match must not;
    `*` is any entry (RFC 9110, 13.1).
    """
    headers = call.request.headers
    if "If-Match" in headers and not _names(headers["If-Match"], tag):
        raise PreconditionError(
            "If-Match names another version than stands here now; read it again, then change it"
        )
    if "If-None-Match" in headers and _names(headers["If-None-Match"], tag):
        raise PreconditionError(
            "If-None-Match asks that this not be here, but it is; read it, then change it"
        )


def _names(header: str, tag: str | None) -> bool:
    """Whether the header's tags, or its `*`, name `tag`."""
    if header.strip() == "*":
        return tag is not None
    return tag in {each.strip().removeprefix("W/") for each in header.split(",")}


def answer_entry(policy: Policy, entry: Entry, status: int = 200) -> web.Response:
    """Answer with an entry and its tag."""
    fields = shown(policy, entry)
    return json_response(fields, status, ETag=etag(fields))


class Entries:
    """The calls about one kind of named entry."""

    def __init__(self, section: str) -> None:
        """Serve the entries of the policy's `section`: functions or groups."""
        self._section = section
        self.kind = section.removesuffix("s")

    def of(self, policy: Policy) -> dict[str, Any]:
        """Return the section's entries by name."""
        entries: dict[str, Any] = getattr(policy, self._section)
        return entries

    def find(self, policy: Policy, name: str) -> Any:
        """Return one entry. Raises `UnknownEntryError`."""
        entry = self.of(policy).get(name)
        if entry is None:
            raise UnknownEntryError(f"the policy has no {self.kind} {name!r}; PUT one to add it")
        return entry

    async def list(self, call: Call) -> web.Response:
        """Answer with all entries."""
        policy = (await rules_now(call)).effective
        entries = {name: shown(policy, entry) for name, entry in self.of(policy).items()}
        return json_response({self._section: entries}, ETag=etag(entries))

    async def get(self, call: Call) -> web.Response:
        """Answer with one entry."""
        policy = (await rules_now(call)).effective
        return answer_entry(policy, self.find(policy, call.path["name"]))

    async def put(self, call: Call) -> web.Response:
        """Add or replace one entry."""
        return await self._set(call, lambda _: call.body)

    async def patch(self, call: Call) -> web.Response:
        """Change some fields of one entry; of one that wishes alone made, it is the first entry."""

        def new(rules: Resolver) -> Any:
            name = call.path["name"]
            self.find(rules.effective, name)
            return merged(self.of(rules.policy).get(name, Function()), call.body)

        return await self._set(call, new)

    async def delete(self, call: Call) -> web.Response:
        """Remove one entry."""
        name = call.path["name"]

        def edit(rules: Resolver) -> Policy:
            entry = self.find(rules.policy, name)
            check_match(call, self._tag(rules, name))
            if isinstance(entry, Group):
                _check_unused(rules.policy, name)
            rest = {key: value for key, value in self.of(rules.policy).items() if key != name}
            return replace(rules.policy, **{self._section: rest})

        await call.service.policies.change(edit)
        return web.Response(status=204)

    async def _set(self, call: Call, new: Callable[[Resolver], Any]) -> web.Response:
        name = call.path["name"]

        def edit(rules: Resolver) -> Policy:
            check_match(call, self._tag(rules, name))
            entries = self.of(rules.policy) | {name: new(rules)}
            return checked_entry(
                replace(rules.policy, **{self._section: entries}), f"{self._section}.{name}."
            )

        before, after = await _changed(call, edit)
        entry = self.of(after.effective)[name]
        if call.query.dry_run:
            return json_response(shown(after.effective, entry))
        status = 200 if name in self.of(before.policy) else 201
        return answer_entry(after.effective, entry, status)

    def _tag(self, rules: Resolver, name: str) -> str | None:
        """Return the entity tag of an entry as it is shown, None if there is none."""
        entry = self.of(rules.effective).get(name)
        return None if entry is None else etag(shown(rules.effective, entry))


async def rules_now(call: Call) -> Resolver:
    """Return the rules as they stand."""
    await call.service.policies.refresh()
    return call.service.policies.resolver


async def _changed(call: Call, edit: Edit) -> tuple[Resolver, Resolver]:
    """Change the policy, or in a dry run find out what would come of it; return both rules."""
    if not call.query.dry_run:
        return await call.service.policies.change(edit)
    before = await rules_now(call)
    return before, Resolver(edit(before), before.facts)


def _check_unused(policy: Policy, group: str) -> None:
    users = [name for name, function in policy.functions.items() if group in function.weights]
    if users:
        raise GroupInUseError(
            f"{len(users)} functions still name the group {group!r} ({few(sorted(users))}); "
            "take it out of their groups first"
        )


def checked_entry(policy: Policy, prefix: str) -> Policy:
    """Check `policy`; a complaint about the entry at `prefix` names the field as the body does."""
    try:
        return checked(policy)
    except InvalidInputError as error:
        raise InvalidInputError(error.field.removeprefix(prefix), error.reason) from error


def merged(entry: E, patch: object) -> E:
    """Return `entry` with the JSON merge patch (RFC 7396) `patch`. Raises `InvalidInputError`."""
    if not isinstance(patch, dict):
        raise InvalidInputError("", "a patch is a JSON object")
    return convert(_merge(msgspec.to_builtins(entry), patch), type(entry))


def _merge(value: object, patch: object) -> object:
    if not isinstance(patch, dict):
        return patch
    fields: dict[str, object] = dict(value) if isinstance(value, dict) else {}
    for name, change in patch.items():
        if change is None:
            fields.pop(name, None)
        else:
            fields[name] = _merge(fields.get(name), change)
    return fields


functions = Entries("functions")
groups = Entries("groups")


async def get_account(call: Call) -> web.Response:
    """Answer with the account's limits."""
    policy = await call.service.policies.refresh()
    return answer_entry(policy, policy.account)


async def put_account(call: Call) -> web.Response:
    """Replace the account's limits."""
    return await _set_account(call, lambda _: call.body)


async def patch_account(call: Call) -> web.Response:
    """Change some of the account's limits."""
    return await _set_account(call, lambda policy: merged(policy.account, call.body))


async def _set_account(call: Call, new: Callable[[Policy], Account]) -> web.Response:
    def edit(rules: Resolver) -> Policy:
        policy = rules.policy
        check_match(call, etag(shown(policy, policy.account)))
        return checked_entry(replace(policy, account=new(policy)), "account.")

    _, rules = await _changed(call, edit)
    after = rules.policy
    if call.query.dry_run:
        return json_response(shown(after, after.account))
    return answer_entry(after, after.account)


async def get_policy(call: Call) -> web.Response:
    """Answer with the whole document, as JSON or YAML."""
    policy = await call.service.policies.refresh()
    tag = {"ETag": policy_tag(policy)}
    if "yaml" in call.request.headers.get("Accept", ""):
        text = await asyncio.to_thread(_as_yaml, policy)
        return web.Response(text=text, content_type=YAML, headers=tag)
    return web.Response(body=policy.document, content_type="application/json", headers=tag)


def _as_yaml(policy: Policy) -> str:
    text: str = yaml.dump(msgspec.to_builtins(policy), Dumper=yaml.CSafeDumper)
    return text


async def put_policy(call: Call) -> web.Response:
    """Replace the whole document, or tell what that would change."""
    # A large document takes a while to read, and check-ins go on meanwhile.
    new = await asyncio.to_thread(_parse, call.body, call.request.content_type)
    policies = call.service.policies
    if call.query.dry_run:
        before = await policies.refresh()
        check_match(call, policy_tag(before))
        after = new
    else:

        def edit(rules: Resolver) -> Policy:
            check_match(call, policy_tag(rules.policy))
            return new

        before, after = (rules.policy for rules in await policies.change(edit))
    answer = PolicyAnswer(applied=not call.query.dry_run, changes=diff(before, after))
    standing = before if call.query.dry_run else after
    return json_response(answer, ETag=policy_tag(standing))


def _parse(body: bytes, content_type: str) -> Policy:
    if "json" in content_type or (body.lstrip()[:1] == b"{" and "yaml" not in content_type):
        return parse_json(body)
    return parse_yaml(body)
