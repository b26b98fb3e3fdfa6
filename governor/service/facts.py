"""Calls about what AWS says of functions, which completes the policy."""

import asyncio

from aiohttp import web
from msgspec import Raw
from msgspec.structs import replace

from governor.facts import packed
from governor.resolver import Resolver
from governor.service.app import Call, json_response
from governor.service.bodies.facts import FactsAnswer, MoveAnswer, TagsAnswer, WishAnswer
from governor.service.limits import rules_now
from governor.wishes import Fate, Wish, fates


async def get_facts(call: Call) -> web.Response:
    """Answer with what completes the policy."""
    rules = await rules_now(call)
    return json_response(await asyncio.to_thread(_told, rules))


async def put_tags(call: Call) -> web.Response:
    """Go by these tags from now on, or tell what would come of it."""
    tags = await asyncio.to_thread(packed, call.body.tags)
    if call.query.dry_run:
        before = await rules_now(call)
        after = Resolver(before.policy, replace(before.facts, tags=tags))
    else:
        before, after = await call.service.policies.learn(lambda known: replace(known, tags=tags))
    # Ten thousand functions take a while, and check-ins go on meanwhile.
    answer = await asyncio.to_thread(_come_of, before, after, applied=not call.query.dry_run)
    return json_response(answer)


def _told(rules: Resolver) -> FactsAnswer:
    facts = rules.facts
    senseless = [wish for wish in fates(rules.policy, facts) if wish.fate is Fate.SENSELESS]
    return FactsAnswer(
        facts.max_attempts, sorted(facts.unshared), facts.tags, [_shown(wish) for wish in senseless]
    )


def _come_of(before: Resolver, after: Resolver, *, applied: bool) -> TagsAnswer:
    return TagsAnswer(
        applied=applied,
        functions=len(after.facts.tags),
        moved=[
            MoveAnswer(name, was, now)
            for name in sorted(_touched(before.facts.tags, after.facts.tags))
            if (was := before.groups(name)) != (now := after.groups(name))
        ],
        wishes=[_shown(wish) for wish in fates(after.policy, after.facts)],
    )


def _touched(before: dict[str, Raw], after: dict[str, Raw]) -> set[str]:
    """Return the functions whose tags are others than before."""
    return {name for name in before.keys() | after.keys() if before.get(name) != after.get(name)}


def _shown(wish: Wish) -> WishAnswer:
    return WishAnswer(wish.function, wish.tag, wish.value, wish.fate, wish.reason)
