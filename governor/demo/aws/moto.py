"""moto's server: Lambda's functions and mappings, SQS, CloudWatch and tags over real HTTP."""

import subprocess
import sys
import time
import urllib.request
from http import HTTPStatus
from pathlib import Path
from typing import Final

from governor.demo.ports import free_ports
from governor.errors import GovernorError
from governor.lifeline import tied

ENVIRONMENT: Final = {
    "AWS_ACCESS_KEY_ID": "testing",
    "AWS_SECRET_ACCESS_KEY": "testing",
    "AWS_DEFAULT_REGION": "eu-central-1",
    "AWS_EC2_METADATA_DISABLED": "true",
    "AWS_CONFIG_FILE": "/dev/null",
    "AWS_SHARED_CREDENTIALS_FILE": "/dev/null",
}
"""With it boto3 looks at nothing of the machine it runs on. AWS_ENDPOINT_URL comes on top."""

START_TIMEOUT_S: Final = 60.0
POLL_S: Final = 0.02


class MotoStartError(GovernorError):
    """moto's server does not start. The message holds what it has printed."""


class Moto:
    """moto's server, a process of its own. Start it from a thread that lives as long."""

    def __init__(self, output: Path) -> None:
        """Start it and wait until it answers; what it prints goes to `output`.

        Raises:
            MotoStartError: it has ended, or does not answer.

        """
        (self.port,) = free_ports(1)
        self.url = f"http://127.0.0.1:{self.port}"
        command = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(self.port)]
        with output.open("w") as written:
            self._process = subprocess.Popen(  # noqa: S603 - our own interpreter
                tied(command), stdout=written, stderr=written, start_new_session=True
            )
        try:
            self._wait(output)
        except BaseException:
            self.close()
            raise

    def reset(self) -> None:
        """Empty all of its accounts."""
        request = urllib.request.Request(f"{self.url}/moto-api/reset", method="POST")  # noqa: S310
        with urllib.request.urlopen(request):  # noqa: S310
            pass

    def close(self) -> None:
        """End it."""
        self._process.kill()
        self._process.wait()

    def _wait(self, output: Path) -> None:
        give_up_at = time.monotonic() + START_TIMEOUT_S
        while not self._answers():
            if self._process.poll() is not None or time.monotonic() > give_up_at:
                raise MotoStartError(
                    f"moto, which stands for AWS, does not start; it says:\n{output.read_text()}"
                )
            time.sleep(POLL_S)

    def _answers(self) -> bool:
        try:
            with urllib.request.urlopen(f"{self.url}/moto-api/data.json") as answer:  # noqa: S310
                return bool(answer.status == HTTPStatus.OK)
        except OSError:
            return False
