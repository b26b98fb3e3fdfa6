"""Benchmarks: `python -m tests.bench` measures every promised figure and prints them as a table."""
