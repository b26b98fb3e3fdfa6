"""A stopwatch before the layer: what a governed function's runtime calls in the demo."""  # noqa: INP001 - see `app`

import time

import app  # type: ignore[import-not-found] # it lies beside this in the function's folder
import governor_layer


def handler(event: object, context: object) -> object:
    """Call the layer's handler, as the runtime would; the layer calls the function's, if it may."""
    called_ns = time.monotonic_ns()
    try:
        return governor_layer.handler(event, context)
    finally:
        app.note("passed", called_ns, time.monotonic_ns())
