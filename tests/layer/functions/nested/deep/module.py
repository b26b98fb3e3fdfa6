"""A handler in a folder, which a handler's name reaches with slashes."""

from probe import handler  # type: ignore[import-not-found]  # in Lambda's import path

__all__ = ["handler"]
