"""Changes of one entry by several at once: each takes, none is lost, none comes out mixed."""

import asyncio

import pytest

from governor.client import Api
from tests.cli.conftest import ADMIN
from tests.governors import Governor

NAMES = ["a", "b", "c", "d", "e", "f"]


@pytest.mark.usefixtures("governed")
async def test_groups_that_are_set_at_once_are_not_mixed(guarded: Governor) -> None:
    async with Api(guarded.url, ADMIN) as api:
        for name in ("before", *NAMES):
            await api.change(f"/v1/groups/{name}", {"headroom": 0})
        await api.change("/v1/functions/f", {"groups": {"before": 1}})
        answers = await asyncio.gather(
            *(api.change("/v1/functions/f", {"groups": {name: 2}}) for name in NAMES)
        )
        assert [each["groups"] for each in answers] == [{name: 2} for name in NAMES]
        assert (await api.call("GET", "/v1/functions/f"))["groups"] in [{name: 2} for name in NAMES]


@pytest.mark.usefixtures("governed")
async def test_what_is_added_at_once_is_added_together(guarded: Governor) -> None:
    fields: dict[str, object] = {"max_concurrency": 3, "max_attempts": 4, "priority": "background"}
    async with Api(guarded.url, ADMIN) as api:
        for name in NAMES:
            path = f"/v1/functions/{name}"
            await asyncio.gather(*(api.change(path, {key: fields[key]}) for key in fields))
            added = await api.call("GET", path)
            assert {key: added[key] for key in fields} == fields
