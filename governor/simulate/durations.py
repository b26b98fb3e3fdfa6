"""How long things take: samples in chunks, from a stream of their own."""

from collections.abc import Callable, Iterator
from math import log
from pathlib import Path
from typing import TYPE_CHECKING, Final
from zlib import crc32

import numpy as np

from governor.simulate.recorded import durations
from governor.simulate.scenario import Duration, Fixed, Lognormal, RecordedDurations

if TYPE_CHECKING:
    from numpy.typing import NDArray

CHUNK: Final = 1024
_P99: Final = 2.3263478740408408
"""The standard normal distribution's 99th percentile."""

Sampler = Callable[[int], "NDArray[np.float64]"]
"""Gives so many durations, in seconds."""


def stream(seed: int, *of: str) -> np.random.Generator:
    """Return the random stream of something, which nothing else's draws move."""
    return np.random.Generator(np.random.PCG64([seed, *(crc32(each.encode()) for each in of)]))


def sampler(duration: Duration, random: np.random.Generator, folder: str) -> Sampler:
    """Return what draws `duration` from `random`; files are in `folder`."""
    match duration:
        case Fixed(ms=ms):
            return lambda count: np.full(count, ms / 1000)
        case Lognormal(p50_ms=p50_ms, p99_ms=p99_ms):
            mean, sigma = log(p50_ms / 1000), log(p99_ms / p50_ms) / _P99
            return lambda count: random.lognormal(mean, sigma, count)
        case RecordedDurations(file=name):
            known, _ = durations(Path(folder) / name)
            return lambda count: random.choice(known, count)


def one_by_one(draw: Sampler) -> Iterator[float]:
    """Yield samples for ever."""
    while True:
        yield from draw(CHUNK).tolist()
