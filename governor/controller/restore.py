"""Putting everything back as it was before the controller's first change."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import astuple
from typing import Final

import msgspec
from msgspec import Struct

from governor.controller import journal
from governor.controller.actions import Result
from governor.controller.leader import Leadership, Lease
from governor.controller.memory import Memory, recalled
from governor.controller.plan import State, restore_all
from governor.controller.survey import Account, Surveyor
from governor.errors import GovernorError
from governor.ledger.client import LedgerClient
from governor.ledger.controller_store import ControllerStore
from governor.report import ActionReport, NonActionReport

WITHIN_S: Final = 300.0
"""How long to go on without progress: an update takes about a minute, and AWS takes no second one
meanwhile. All in all it takes as long as the share of AWS's calls has it: one per mapping to learn
whether it was changed, two to put it back."""

AGAIN_AFTER_S: Final = 3.0

_DENIED: Final = ("lambda:ListEventSourceMappings", "denied")
"""The one refusal that neither time nor anything but more permissions helps against."""


class NotRestoredError(GovernorError):
    """Not everything could be put back."""


class Restored(Struct, frozen=True):
    """What was put back, and what was left because someone else has changed it since."""

    restored: list[ActionReport]
    left: list[NonActionReport]


async def restore(ledger: LedgerClient, account: Account) -> Restored:
    """Put everything back. The pool's controller is paused then.

    A controller that leads is deposed, so that it can't undo what is done here. What is to be put
    back is read from the tags in AWS, of each mapping itself; what the store remembers is not
    needed for it. The ledger forgets what it has learned from AWS.

    Raises `NotRestoredError` and `StoreUnavailableError`.
    """
    store = ControllerStore(ledger.store)
    leadership = Leadership(store)
    await store.pause()
    lease = await leadership.ask(depose=True)
    assert lease is not None  # noqa: S101 - the store deposes any other
    async with leadership.sought():
        document, _ = await store.documents()
        memory = recalled(document) or Memory()

        async def confirm() -> Lease:
            confirmed = await leadership.confirmed(lease)
            if confirmed is None:
                raise NotRestoredError("someone else restores at the same time; run it again later")
            return confirmed

        surveyor = Surveyor(ledger, account)
        restored = await _rounds(surveyor, account, memory, confirm)
        await surveyor.forget()
        await store.record(lease.leader, lease.term, memory=msgspec.json.encode(Memory()))
    return restored


async def _rounds(
    surveyor: Surveyor, account: Account, memory: Memory, confirm: Callable[[], Awaitable[Lease]]
) -> Restored:
    """Observe and put back, again and again, until nothing is left to do.

    `confirm` raises `NotRestoredError` when nothing may be sent any more.
    """
    give_up_at_s = time.monotonic() + WITHIN_S
    progress = (0, 0)
    done: list[ActionReport] = []
    while True:
        await confirm()
        counts, now_ms = await surveyor.counts()
        observed = await asyncio.to_thread(
            account.observe, counts, now_ms / 1000, quota=False, every_original=True
        )
        if observed.mappings is None and account.calls.get(_DENIED):
            raise NotRestoredError("nothing more is put back: " + "; ".join(observed.missing))
        seen = observed.mappings is not None and not observed.unasked
        planned = restore_all(observed, memory)
        memory = planned.memory
        pending = any(each.state is State.PENDING for each in planned.confirmations)
        if seen and not planned.actions and not pending:
            return Restored(done, [NonActionReport(*astuple(each)) for each in planned.non_actions])
        failures = []
        for action in planned.actions:
            confirmed = await confirm()
            outcome = await asyncio.to_thread(account.apply, action, confirmed.until_s)
            if outcome.result is Result.DONE:
                done.append(journal.action_report(action, outcome))
            else:
                memory = memory.unsent(action)
                failures.append(f"{action.reason}: {outcome.detail}")
        if progressed := progress != (len(done), observed.unasked):
            progress = len(done), observed.unasked
            give_up_at_s = time.monotonic() + WITHIN_S
        elif time.monotonic() > give_up_at_s:
            why = [*failures, *observed.missing]
            raise NotRestoredError(
                f"not everything is put back, and nothing more was within {WITHIN_S:.0f} s; "
                f"run it again later. {'; '.join(why)}"
            )
        if planned.actions or pending or not progressed:
            await asyncio.sleep(AGAIN_AFTER_S)
