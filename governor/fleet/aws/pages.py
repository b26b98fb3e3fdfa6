"""Lists that come in pages."""

from collections.abc import Callable, Iterator
from typing import TypeVar

T = TypeVar("T")
Page = tuple[list[T], str]
"""What is on a page, and where the next one begins; "" after the last."""


def pages(page: Callable[[str], Page[T]]) -> Iterator[list[T]]:
    """Yield what is on each page; `page` reads the one that begins at a marker, "" the first."""
    marker, more = "", True
    while more:
        found, marker = page(marker)
        yield found
        more = bool(marker)


def whole(page: Callable[[str], Page[T]]) -> list[T]:
    """Return what is on all pages."""
    return [each for found in pages(page) for each in found]
