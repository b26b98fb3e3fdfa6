"""The execution environments of one function, as a program: the layer, and a handler that sleeps.

A thread is an environment, with a connection of its own to the governor. Each line of standard
input is an invocation (id, milliseconds that it may take, event), each line of standard output what
came of one. Before that a first line says that all is ready. What is logged goes to standard error.
"""

import json
import os
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from governor_layer import governed

MOST = 1250
"""Environments that a function can have: what an SQS mapping goes up to."""


class Context:
    """What the runtime tells a handler of its invocation."""

    def __init__(self, request_id: str, timeout_ms: int) -> None:
        """Begin now."""
        self.aws_request_id = request_id
        self._end = time.monotonic() + timeout_ms / 1000

    def get_remaining_time_in_millis(self) -> int:
        """Time until the function's timeout."""
        return max(0, int((self._end - time.monotonic()) * 1000))


def work_s(event: dict[str, Any]) -> float:
    """How long the work takes that an event asks for."""
    if "Records" in event:
        return sum(float(json.loads(record["body"])["work_s"]) for record in event["Records"])
    if "detail" in event:
        return float(event["detail"]["work_s"])
    return float(json.loads(event["body"])["work_s"])


@governed
def handler(event: dict[str, Any], context: Context) -> dict[str, Any]:  # noqa: ARG001 - as Lambda has it
    """Work."""
    time.sleep(work_s(event))
    return {"statusCode": 200, "body": "done"}


def invoke(invocation: dict[str, Any]) -> dict[str, Any]:
    """What AWS hears of an invocation."""
    context = Context(invocation["id"], invocation["timeout_ms"])
    try:
        answer: dict[str, Any] = {"result": handler(invocation["event"], context)}
    except Exception as error:  # noqa: BLE001 - the runtime reports whatever escapes
        answer = {"errorType": type(error).__name__, "errorMessage": str(error)}
    return {"id": invocation["id"], **answer}


def main() -> None:
    """Run invocations until standard input ends."""
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    one_at_a_time = threading.Lock()

    def run(line: str) -> None:
        text = json.dumps(invoke(json.loads(line))) + "\n"
        with one_at_a_time:
            answers.write(text)
            answers.flush()

    print("ready", file=answers, flush=True)
    with ThreadPoolExecutor(MOST) as threads:
        for line in sys.stdin:
            threads.submit(run, line)


if __name__ == "__main__":
    main()
