"""One cycle of the leader: survey, apply, remember, report."""

import asyncio
import dataclasses
import logging
import time
from collections.abc import Iterable, Mapping
from typing import Final, TypeVar

import msgspec
from msgspec.structs import replace

from governor.controller import journal
from governor.controller.actions import Action, AskForMore, Brake, Outcome, Result, Turn
from governor.controller.leader import Leadership, Lease
from governor.controller.memory import Memory, recalled
from governor.controller.plan import Confirmation, Plan
from governor.controller.plan import State as Confirmed
from governor.controller.survey import Account, NoPolicyError, Surveyor
from governor.errors import StoreUnavailableError
from governor.ledger.controller_store import ControllerStore
from governor.report import Event, EventKind, Report, State, read

log = logging.getLogger(__name__)

T = TypeVar("T")

_LEVELS: Final[dict[EventKind, int]] = {"warning": logging.WARNING, "error": logging.ERROR}


def carry_out(account: Account, action: Action, lease: Lease) -> Outcome | None:
    """Have `account` apply `action` if `lease` still lives; None if not: it is dropped.

    Blocks. It runs when a thread is free, and this process may have stood still until then.
    """
    if not lease.live:
        return None
    try:
        return account.apply(action, lease.until_s)
    except Exception as error:  # one action's failure is no reason to leave out the others
        log.exception("an action failed")
        return Outcome(Result.FAILED, f"{type(error).__name__}: {error}")


def sent(memory: Memory, action: Action, planned: Memory) -> Memory:
    """Return `memory` with `action` sent, as `planned` has it."""
    match action:
        case Turn(mapping=uuid):
            turns = _with(uuid, planned.turns, memory.turns)
            return dataclasses.replace(memory, turns=turns)
        case Brake(function=name):
            brakes = _with(name, planned.brakes, memory.brakes)
            return dataclasses.replace(memory, brakes=brakes)
        case AskForMore():
            return dataclasses.replace(memory, asked=planned.asked)


def _with(name: str, planned: Mapping[str, T], entries: Mapping[str, T]) -> dict[str, T]:
    """Return `entries` with the one of that name as it is planned, which may be: gone."""
    others = {each: entry for each, entry in entries.items() if each != name}
    return {**others, name: planned[name]} if name in planned else others


class Cycles:
    """Runs cycles for a leader, one after the other, and keeps what goes from one to the next.

    Each action is announced in the memory that the store keeps before it is sent: a leader
    that dies must not make its own changes look like somebody else's to the next one. So at most
    one action is in doubt then.
    """

    def __init__(
        self,
        surveyor: Surveyor,
        account: Account,
        leadership: Leadership,
        store: ControllerStore,
        *,
        dry_run: bool = False,
    ) -> None:
        """Act on `account` as far as `leadership` allows; not at all in a dry run."""
        self._surveyor = surveyor
        self._account = account
        self._leadership = leadership
        self._store = store
        self._dry_run = dry_run
        self._stopping = False
        self._term: int | None = None
        self._deposed = 0
        self._memory = Memory()
        self._report = Report()
        self._calls = dict(account.calls)

    def stop(self) -> None:
        """Send no action any more; the one that is under way ends."""
        self._stopping = True

    async def run(self, lease: Lease) -> None:
        """Run a cycle as the leader with `lease`.

        Raises `StoreUnavailableError`: then nothing more was changed, and nothing reported.
        """
        began_s = time.monotonic()
        if (lease.term, self._leadership.deposed) != (self._term, self._deposed):
            await self._take_over(lease)
        try:
            await self._cycle(lease)
        except StoreUnavailableError:
            raise
        except NoPolicyError as error:
            self._enter("blind")
            self._note("warning", str(error))
        except Exception as error:  # whatever it is, the next cycle may do better
            log.exception("a cycle failed")
            self._enter("blind")
            self._note("error", f"the cycle failed: {type(error).__name__}: {error}")
        self._report = replace(
            journal.called(self._report, self._calls, self._account.calls),
            at_s=self._leadership.time_s,
            cycle_s=time.monotonic() - began_s,
        )
        self._calls = dict(self._account.calls)
        await self._write(lease)

    async def _cycle(self, lease: Lease) -> None:
        policy = await self._surveyor.policy()
        if not policy.controller.enabled:
            self._enter("disabled")
            return
        survey = await self._surveyor.survey(self._memory)
        if not self._dry_run:
            await self._surveyor.learn(survey.observed)
        if survey.observed.mappings is None:
            self._enter("blind")
        else:
            self._enter(self._standing())
        self._report = journal.surveyed(self._report, survey, self._report.state)
        for sentence in survey.observed.missing:
            self._note("warning", sentence)
        for each in survey.plan.confirmations:
            self._confirm(each)
        outcomes = await self._apply(survey.plan, lease)
        self._report = journal.carried_out(self._report, outcomes)
        self._tell(outcomes)

    async def _apply(self, planned: Plan, lease: Lease) -> list[tuple[Action, Outcome | None]]:
        """Carry out what is planned, as long as this is the leader and may act."""
        self._memory = planned.unsent
        outcomes: list[tuple[Action, Outcome | None]] = []
        may_act = not self._dry_run
        for action in planned.actions:
            confirmed = await self._confirmed(lease) if may_act else None
            may_act = confirmed is not None
            outcome = None
            if confirmed is not None:
                before, self._memory = self._memory, sent(self._memory, action, planned.memory)
                if await self._write(lease):
                    outcome = await asyncio.to_thread(carry_out, self._account, action, confirmed)
                if outcome is None or outcome.result is not Result.DONE:
                    self._memory = before
            outcomes.append((action, outcome))
        return outcomes

    async def _confirmed(self, lease: Lease) -> Lease | None:
        """Return `lease`, renewed, if this may act now: it leads, is not paused, and goes on."""
        try:
            confirmed = await self._leadership.confirmed(lease)
        except StoreUnavailableError as error:
            self._note("warning", f"no more actions in this cycle: {error}")
            return None
        return None if self._stopping or self._leadership.paused else confirmed

    def _standing(self) -> State:
        if self._leadership.paused:
            return "paused"
        return "dry_run" if self._dry_run else "acting"

    async def _take_over(self, lease: Lease) -> None:
        """Go on where the last leader stopped; a store that lost that gets what we remember.

        What others did since we led we can't remember: then the tags in AWS have to do.
        """
        memory, status = await self._store.documents()
        if self._deposed != self._leadership.deposed:
            self._deposed, self._memory = self._leadership.deposed, Memory()
        if status is not None:
            self._report = read(status)
        self._term = lease.term
        self._note("leader", f"{lease.leader} leads")
        if memory is not None:
            self._memory = self._recall(memory)

    def _recall(self, document: bytes) -> Memory:
        memory = recalled(document)
        if memory is None:
            self._note("error", "what the last leader remembered can't be read: it starts anew")
        return memory or Memory()

    async def _write(self, lease: Lease) -> bool:
        """Leave memory and report in the store; say whether this is still the leader."""
        memory, status = msgspec.json.encode(self._memory), msgspec.json.encode(self._report)
        return await self._store.record(lease.leader, lease.term, memory=memory, status=status)

    def _enter(self, state: State) -> None:
        """Be in `state`; a new one is an event, an idle one shows nothing of the last survey."""
        if state != self._report.state:
            self._note("state", f"the controller is {state.replace('_', ' ')}")
        self._report = replace(self._report, state=state)
        if state in {"disabled", "blind"}:
            self._report = replace(self._report, budget=None, mappings=(), actions=(), missing=())

    def _confirm(self, confirmation: Confirmation) -> None:
        """Tell what became of a change that was sent before; that it is pending is no news."""
        if confirmation.state is Confirmed.PENDING:
            return
        self._report = journal.confirmed(self._report, confirmation)
        if confirmation.state is Confirmed.SETTLED:
            log.info("%s", confirmation.sentence)
            at_s = self._leadership.time_s
            self._report = journal.arrived(self._report, at_s, confirmation.subject)
        else:
            self._note("warning", confirmation.sentence)

    def _tell(self, outcomes: Iterable[tuple[Action, Outcome | None]]) -> None:
        for action, outcome in outcomes:
            if outcome is None:
                continue
            if outcome.result is Result.DONE:
                self._happened(journal.acted(self._leadership.time_s, action))
            else:
                told = journal.action_report(action, outcome)
                self._note("warning", f"{told.subject}: {told.outcome}: {told.detail}")

    def _note(self, kind: EventKind, text: str) -> None:
        self._happened(Event(self._leadership.time_s, kind, text))

    def _happened(self, event: Event) -> None:
        known = any(journal.alike(each, event) for each in self._report.events)
        level = logging.DEBUG if known else _LEVELS.get(event.kind, logging.INFO)
        log.log(level, "%s", event.text)
        self._report = journal.noted(self._report, event)
