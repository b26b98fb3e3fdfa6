"""The Lambda concurrency governor: Max Concurrency per function and group, without reserving."""

__version__ = "0.1.0"
