"""How commands talk to a running governor, and print what it answers."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

if TYPE_CHECKING:
    from governor.client import Api


def call(url: str, token: str | None, method: str, path: str, **options: Any) -> Any:
    """Make one call of the API; return the answer's JSON. Raises what `Api.call` raises."""
    return run(url, token, lambda api: api.call(method, path, **options))


def run(url: str, token: str | None, talk: "Callable[[Api], Coroutine[Any, Any, Any]]") -> Any:
    """Run `talk` with the API of the governor at `url`."""
    from governor.client import Api  # noqa: PLC0415 - see `governor.cli`

    async def session() -> Any:
        async with Api(url, token) as api:
            return await talk(api)

    return asyncio.run(session())


def segment(name: str) -> str:
    """Return `name` fit for a segment of a path."""
    return quote(name, safe="")


def print_answer(value: object) -> None:
    """Print `value` as JSON."""
    from governor.printing import print_json  # noqa: PLC0415 - see `governor.cli`

    print_json(value)
