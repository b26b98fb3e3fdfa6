"""The platform keeps what failed invocations had to say."""

from dataclasses import dataclass

import pytest

from governor.demo.aws.lacking import Lacking
from governor.demo.region import MOST_ERRORS, MOST_OF_AN_ERROR, Ended, Region


@dataclass
class Echo:
    """A function that answers with its event."""

    async def warm(self) -> None:
        """There is nothing to start."""

    async def invoke(self, event: object) -> object:
        """Answer."""
        return event


@pytest.fixture
def region() -> Region:
    """A Region whose functions are echoes."""
    return Region(Lacking(), lambda _: Echo())


def failure(message: str) -> dict[str, str]:
    """What AWS hears of a handler that raises."""
    return {"errorType": "KeyError", "errorMessage": message, "requestId": "1"}


async def test_the_first_errors_are_kept_each_once(region: Region) -> None:
    for number in range(MOST_ERRORS + 2):
        for _ in range(2):
            assert await region.invoke("work", failure(f"'{number}'")) is Ended.FAILED
    assert region.errors == [f"work: KeyError: '{number}'" for number in range(MOST_ERRORS)]


async def test_an_error_may_be_a_text_and_is_cut(region: Region) -> None:
    text = "Task timed out after 4.00 seconds"
    assert await region.invoke("work", text) is Ended.FAILED
    assert await region.invoke("work", failure("x" * 1000)) is Ended.FAILED
    first, second = region.errors
    assert first == f"work: {text}"
    assert len(second) == len("work: …") + MOST_OF_AN_ERROR


async def test_what_was_denied_or_done_is_no_error(region: Region) -> None:
    await region.invoke("work", {"errorType": "ConcurrencyLimitExceeded", "errorMessage": "full"})
    await region.invoke("work", {"statusCode": 200})
    assert region.errors == []
