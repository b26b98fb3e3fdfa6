"""What a start needs of the store, which may not be there yet."""

import pytest

from governor.errors import StoreUnavailableError
from governor.service.loading import until_answered


async def test_a_reason_is_logged_once_and_the_next_one_too(
    caplog: pytest.LogCaptureFixture,
) -> None:
    reasons = ["is down", "is down", "is down", "is loading", "is down"]
    coming = iter(reasons)

    async def ask() -> None:
        for reason in coming:
            raise StoreUnavailableError(reason)

    await until_answered(ask)
    assert caplog.messages == ["is down", "is loading", "is down"]
