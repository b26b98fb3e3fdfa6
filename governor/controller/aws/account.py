"""The AWS account that the controller works on."""

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from math import inf

from governor.aws.session import READ_TIMEOUT_S
from governor.controller.actions import Action, Outcome
from governor.controller.aws.apply import Applier
from governor.controller.aws.calls import Calls
from governor.controller.aws.clients import THREADS, connected
from governor.controller.aws.observe import Observer
from governor.controller.aws.tags import Tags
from governor.controller.observed import Observed
from governor.model import ScopeCount
from governor.settings import CALLS_PER_S


class AwsAccount:
    """Observes and changes the account that boto3's own settings lead to.

    Its methods block; one thread at a time may use it.
    """

    def __init__(
        self, *, lambda_per_s: float = CALLS_PER_S, read_timeout_s: float = READ_TIMEOUT_S
    ) -> None:
        """Take `lambda_per_s` of Lambda's 15 control-plane calls per second at most; call nothing.

        Raises:
            SettingsError: there is no region, no such profile, or the endpoint is no URL.

        """
        self._clients = connected(read_timeout_s)
        self._calls = Calls(lambda_per_s)
        self._threads = ThreadPoolExecutor(THREADS, "aws")
        tags = Tags(self._clients, self._calls)
        self._observer = Observer(self._clients, self._calls, tags, self._threads)
        self._applier = Applier(self._clients, self._calls, tags, self._observer)

    @property
    def calls(self) -> Mapping[tuple[str, str], int]:
        """API calls so far, by operation (as IAM names it) and outcome.

        Outcomes: ok, throttled, denied, busy, gone, refused, unanswered, nonsense, and withheld: it
        was not made.
        """
        return self._calls.made

    def observe(
        self,
        scopes: Mapping[str, ScopeCount],
        at_s: float,
        peaks: Sequence[int] = (),
        *,
        quota: bool = True,
        every_original: bool = False,
    ) -> Observed:
        """Take a snapshot; `scopes` are what the ledger counts, `at_s` is the store's time.

        `peaks` are the ledger's of the account in each 10 s up to `at_s`, oldest first: what
        CloudWatch shows beyond them is ungoverned.
        It raises nothing of AWS's: what can't be read is absent, and `missing` says why. `quota`
        says whether to follow requests to Service Quotas, `every_original` to ask each mapping for
        its own, as many as the budget has calls for. Takes some 20 s when AWS does not answer.
        """
        return self._observer.observe(
            scopes, at_s, peaks, quota=quota, every_original=every_original
        )

    def apply(self, action: Action, until_s: float = inf) -> Outcome:
        """Do one thing that the plan says; begin no call for it after `until_s` (monotonic clock).

        It raises nothing of AWS's: the outcome says why not.
        """
        self._calls.allow_changes(until_s)
        return self._applier.apply(action)

    def close(self) -> None:
        """Close all connections."""
        self._threads.shutdown()
        self._clients.close()
