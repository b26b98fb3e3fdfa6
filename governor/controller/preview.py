"""A dry run: what a controller would do now, what not, and why."""

from msgspec import Struct

from governor.controller import journal
from governor.controller.memory import Memory, recalled
from governor.controller.survey import Account, Surveyor
from governor.ledger.client import LedgerClient
from governor.ledger.controller_store import ControllerStore
from governor.report import ActionReport, BudgetReport, NonActionReport


class Preview(Struct, frozen=True):
    """A plan, as it would be carried out now."""

    enabled: bool
    """By the policy; if not, or if it is `paused`, a controller would do nothing of it."""
    paused: bool
    budget: BudgetReport | None
    actions: list[ActionReport]
    non_actions: list[NonActionReport]
    missing: tuple[str, ...]


async def preview(ledger: LedgerClient, account: Account) -> Preview:
    """Return what a leader would plan now; it needs no leadership and changes nothing.

    Raises `NoPolicyError` and `StoreUnavailableError`.
    """
    store, surveyor = ControllerStore(ledger.store), Surveyor(ledger, account)
    policy = await surveyor.policy()
    document, _ = await store.documents()
    memory = recalled(document) or Memory()
    survey = await surveyor.survey(memory)
    planned = survey.plan
    return Preview(
        enabled=policy.controller.enabled,
        paused=(await store.standing(0)).paused,
        budget=journal.budget_report(planned.budget),
        actions=[journal.action_report(each, None) for each in planned.actions],
        non_actions=[NonActionReport(each.subject, each.reason) for each in planned.non_actions],
        missing=survey.observed.missing,
    )
