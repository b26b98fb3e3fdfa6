"""The demo's Lambda function. It knows nothing of the governor."""

import time

import journal


def handler(event: dict[str, float], _context: object) -> dict[str, bool]:
    """Work for as long as the event says, and note when: that is what the watcher goes by."""
    journal.note("began", time.monotonic_ns())
    time.sleep(event["hold_ms"] / 1000)
    journal.note("ended", time.monotonic_ns())
    return {"worked": True}
