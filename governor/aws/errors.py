"""What becomes of a call to AWS that does not succeed: a class per condition, and a sentence.

`outcome` is each one's word in the metrics.
"""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from typing import Any, Final

from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    ConnectTimeoutError,
    EndpointConnectionError,
    HTTPClientError,
    NoCredentialsError,
    PartialCredentialsError,
)

from governor.errors import GovernorError, few

_FORBIDDEN: Final = 403
_TOO_MANY: Final = 429
_SERVER_ERROR: Final = 500


class CallError(GovernorError):
    """AWS refused a call, or could not be asked. `outcome` is its word in the metrics."""

    outcome = "refused"


class DeniedError(CallError):
    """A permission is missing."""

    outcome = "denied"


class CredentialsError(DeniedError):
    """AWS does not take the credentials, or there are none."""


class GoneError(CallError):
    """What the call was about does not exist (any more)."""

    outcome = "gone"


class ExistsError(CallError):
    """What was to be made is there already."""


class LaterError(CallError):
    """Not now: AWS throttles, is busy with the same thing, or the budget is used up."""

    outcome = "withheld"


class ThrottledError(LaterError):
    """AWS answered 429."""

    outcome = "throttled"


class NonsenseError(CallError):
    """AWS answered something that no client understands; it may have done what it was asked."""

    outcome = "nonsense"


class BusyError(LaterError):
    """AWS still works on an earlier change."""

    outcome = "busy"


class ChangedError(CallError):
    """Somebody else has changed it since it was read."""

    outcome = "changed"


class UnansweredError(CallError):
    """No answer, or none that tells. `sent` says that AWS may have done what it was asked."""

    outcome = "unanswered"

    def __init__(self, message: str, *, sent: bool) -> None:
        """Say whether the call may have reached AWS."""
        super().__init__(message)
        self.sent = sent


_BY_CODE: Final[tuple[tuple[frozenset[str], type[CallError]], ...]] = (
    (
        frozenset(
            {
                *("TooManyRequestsException", "Throttling", "ThrottlingException"),
                *("ThrottledException", "RequestThrottled", "RequestThrottledException"),
                "RequestLimitExceeded",
            }
        ),
        ThrottledError,
    ),
    (frozenset({"ResourceInUseException", "ResourceConflictException"}), BusyError),
    (
        frozenset(
            {
                *("ResourceNotFoundException", "NoSuchResourceException"),
                "ParameterNotFound",
                *("QueueDoesNotExist", "AWS.SimpleQueueService.NonExistentQueue"),
            }
        ),
        GoneError,
    ),
    (frozenset({"ResourceAlreadyExistsException", "ParameterAlreadyExists"}), ExistsError),
    (frozenset({"PreconditionFailedException"}), ChangedError),
    (
        frozenset(
            {
                *("UnrecognizedClientException", "InvalidClientTokenId", "InvalidAccessKeyId"),
                *("ExpiredToken", "ExpiredTokenException", "RequestExpired"),
                *("MissingAuthenticationToken", "IncompleteSignature"),
                *("InvalidSignatureException", "SignatureDoesNotMatch"),
            }
        ),
        CredentialsError,
    ),
    (frozenset({"AccessDenied", "AccessDeniedException"}), DeniedError),
)
"""What AWS's error codes mean here; they differ from service to service."""

_SENTENCES: Final[Mapping[type[CallError], str]] = {
    ThrottledError: "{action} was throttled by AWS ({what})",
    BusyError: "{action}: AWS is busy with an earlier change ({what})",
    GoneError: "{action}: it does not exist ({what})",
    ChangedError: "{action}: it has been changed since it was read ({what})",
    ExistsError: "{action}: there is one already ({what})",
    CredentialsError: "{action}: AWS does not take the credentials ({what}); renew them",
    DeniedError: "{action} is not permitted ({what}); grant {action}",
    CallError: "{action} was refused by AWS ({what})",
}


def retries(answer: object) -> int:
    """How often botocore has tried again on its own for `answer`, which may be an error."""
    response: Any = answer.response if isinstance(answer, ClientError) else answer
    with suppress(TypeError, KeyError):
        return int(response["ResponseMetadata"]["RetryAttempts"])
    return 0


def told(action: str, error: ClientError | BotoCoreError) -> CallError:
    """What an `error` of botocore's means to who called `action`, in a sentence."""
    if isinstance(error, ClientError):
        return _refusal(action, error)
    what = " ".join(str(error).split())
    if isinstance(error, NoCredentialsError | PartialCredentialsError):
        return CredentialsError(f"{action}: there are no AWS credentials ({what}); set AWS_PROFILE")
    if isinstance(error, EndpointConnectionError | ConnectTimeoutError):
        return UnansweredError(f"{action}: AWS can't be reached ({what})", sent=False)
    if isinstance(error, HTTPClientError):
        return UnansweredError(f"{action}: AWS does not answer ({what})", sent=True)
    return CallError(f"{action} can't be called: {what}")


def sentences(kind: str, failed: Iterable[tuple[str, CallError]]) -> Iterator[str]:
    """Yield what went wrong with several of a `kind`, by name: a sentence for each condition."""
    by_type: dict[type[CallError], list[tuple[str, CallError]]] = {}
    for name, error in failed:
        by_type.setdefault(type(error), []).append((name, error))
    for same in by_type.values():
        yield f"{kind} {few([name for name, _ in same])}: {same[0][1]}"


def _refusal(action: str, error: ClientError) -> CallError:
    details = error.response.get("Error", {})
    code = details.get("Code", "")
    status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    what = " ".join(f"{code}: {details.get('Message', '')}".split())
    kind = next((kind for codes, kind in _BY_CODE if code in codes), None) or _by_status(status)
    if status >= _SERVER_ERROR:
        return UnansweredError(f"{action} failed in AWS ({what})", sent=True)
    if kind is BusyError and retries(error):  # the first try may be what it is busy with
        return UnansweredError(f"{action} may have been done ({what})", sent=True)
    return kind(_SENTENCES[kind].format(action=action, what=what))


def _by_status(status: int) -> type[CallError]:
    return {_FORBIDDEN: DeniedError, _TOO_MANY: ThrottledError}.get(status, CallError)
