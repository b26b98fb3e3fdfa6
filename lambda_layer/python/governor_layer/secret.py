"""A token that is kept in AWS Secrets Manager. Loaded where GOVERNOR_TOKEN_SECRET names one.

It is read through AWS's Parameters and Secrets extension where that runs (its HTTP interface is
described in the Secrets Manager user guide, "Lambda extension"), else with the runtime's own boto3,
which takes a cold start some 300 ms to import.
"""

import _socket
import contextlib
import json
import os
import time

from .breaker import PAUSE_S
from .connection import Deadline
from .http_message import UnexpectedAnswerError, head_lines, request
from .settings import is_plain

PATIENCE_S = 2.0
"""For how long either may keep an invocation. It is paid once in an environment's life, and by
nobody where the secret can be read, so that GOVERNOR_TIMEOUT_MS does not have to cover it."""

EXTENSION_PORT = 2773
END = b"\r\n\r\n"
MAX_ANSWER = 256 * 1024
"""A secret has 64 KiB at most, and JSON may write a byte of it as six."""

PLAIN = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~:/")
"""What may stand in a query as it is."""


class SecretUnreadableError(OSError):
    """The secret can't be read, or is no token.

    Like a governor that is gone, it is not asked for again at once.
    """


class Secret:
    """The token in the secret `arn`; safe for threads, which at worst read it twice."""

    def __init__(self, arn: str) -> None:
        """Read nothing yet."""
        self._arn = arn
        self._token: str | None = None
        self._read_at = 0.0

    def token(self) -> str:
        """The token, as it was when it was read last.

        Raises:
            SecretUnreadableError: it can't be read.

        """
        if self._token is None:
            self._token = self._read()
        return self._token

    def has_changed(self) -> bool:
        """Whether the token, which the governor has refused, is another one by now.

        It is read anew, but not twice within the breaker's interval. Raises what `token` raises.
        """
        if 0 <= time.time() - self._read_at < PAUSE_S:
            return False
        before, self._token = self._token, None
        return self.token() != before

    def _read(self) -> str:
        self._read_at = time.time()
        try:
            text = _of_extension(self._arn)
        except (OSError, UnexpectedAnswerError):
            text = _of_sdk(self._arn)
        try:
            is_json = text.lstrip().startswith("{")
            token = str(json.loads(text)["token"]) if is_json else text.strip()
        except (LookupError, ValueError):
            token = ""
        if not (token and is_plain(token)):
            raise SecretUnreadableError(
                f"GOVERNOR_TOKEN_SECRET: the secret {self._arn} is neither a token nor JSON that "
                'has one as "token"'
            )
        return token


def _of_extension(arn: str) -> str:
    """What AWS's extension says. Raises OSError (it does not run) or UnexpectedAnswerError."""
    port = os.environ.get("PARAMETERS_SECRETS_EXTENSION_HTTP_PORT", "")
    number = int(port) if port.isdigit() else EXTENSION_PORT
    credential = f"X-Aws-Parameters-Secrets-Token: {os.environ.get('AWS_SESSION_TOKEN', '')}"
    query = "".join(letter if letter in PLAIN else f"%{ord(letter):02X}" for letter in arn)
    asked = request(
        "GET",
        f"/secretsmanager/get?secretId={query}",
        head_lines("localhost", number, credential, "Connection: close"),
    )
    head, _, body = _answer(number, asked.replace(b"HTTP/1.1", b"HTTP/1.0", 1)).partition(END)
    try:
        if head[8:13] == b" 200 ":
            return str(json.loads(body)["SecretString"])
    except (LookupError, TypeError, ValueError):
        pass
    raise UnexpectedAnswerError(f"the secrets extension answered {head[:40]!r}")


def _answer(port: int, asked: bytes) -> bytes:
    """All that is answered at `port`: to HTTP/1.0, whose answers aren't chunked. Raises OSError."""
    deadline = Deadline(PATIENCE_S)
    answer = b""
    with contextlib.closing(_socket.socket()) as extension:
        extension.settimeout(deadline.left())
        extension.connect(("127.0.0.1", port))
        extension.sendall(asked)
        while len(answer) < MAX_ANSWER and (more := extension.recv(MAX_ANSWER)):
            answer += more
            extension.settimeout(deadline.left())
    return answer


def _of_sdk(arn: str) -> str:
    """What Secrets Manager says. Raises SecretUnreadableError."""
    try:
        import boto3  # noqa: PLC0415 - see above
        from botocore.config import Config  # noqa: PLC0415

        config = Config(
            connect_timeout=PATIENCE_S, read_timeout=PATIENCE_S, retries={"total_max_attempts": 1}
        )
        client = boto3.client("secretsmanager", config=config)
        return str(client.get_secret_value(SecretId=arn)["SecretString"])
    except Exception as error:  # what it raises is made at run time, ImportError is possible too
        raise SecretUnreadableError(
            f"GOVERNOR_TOKEN_SECRET: the secret {arn} can't be read: {error}"
        ) from error
