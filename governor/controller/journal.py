"""How a cycle becomes a report, and what happened becomes an event. Pure."""

from collections.abc import Iterable, Mapping
from typing import Literal

from msgspec.structs import replace

from governor.controller.actions import Action, AskForMore, Brake, Outcome, Turn
from governor.controller.observed import Observed
from governor.controller.plan import Budget, Confirmation
from governor.controller.plan.knobs import units
from governor.controller.survey import Survey
from governor.model import Priority, ScopeCount, function_scope
from governor.report import (
    MOST_EVENTS,
    MOST_LISTED,
    MOST_MAPPINGS,
    ActionReport,
    BudgetReport,
    Event,
    MappingReport,
    NonActionReport,
    Report,
    State,
    Tally,
)
from governor.resolver import Resolver

Calls = Mapping[tuple[str, str], int]


def noted(report: Report, event: Event) -> Report:
    """Return `report` with one more event; one that was there before counts once more."""
    same = [each for each in report.events if alike(each, event)]
    others = [each for each in report.events if not alike(each, event)]
    again = replace(event, times=event.times + sum(each.times for each in same))
    return replace(report, events=(*others, again)[-MOST_EVENTS:])


def alike(one: Event, other: Event) -> bool:
    """Whether two events are the same thing, at two times."""
    return (one.kind, one.text, one.subject) == (other.kind, other.text, other.subject)


def surveyed(report: Report, survey: Survey, state: State) -> Report:
    """Return `report` with what a look at everything has shown; nothing is applied yet."""
    observed, planned = survey.observed, survey.plan
    return replace(
        report,
        state=state,
        budget=budget_report(planned.budget),
        drift=planned.drifts,
        mappings=tuple(_mappings(survey.resolver, observed))[:MOST_MAPPINGS],
        actions=(),
        non_actions=tuple(
            NonActionReport(each.subject, each.reason) for each in planned.non_actions[:MOST_LISTED]
        ),
        missing=observed.missing,
    )


def carried_out(report: Report, came_to: Iterable[tuple[Action, Outcome | None]]) -> Report:
    """Return `report` with what became of each action; None: it was not sent."""
    actions = []
    totals = report.action_totals
    for action, outcome in came_to:
        actions.append(action_report(action, outcome))
        if outcome is not None:
            totals = counted(totals, actions[-1].kind, actions[-1].outcome)
    return replace(report, actions=tuple(actions[:MOST_LISTED]), action_totals=totals)


def confirmed(report: Report, confirmation: Confirmation) -> Report:
    """Return `report` with what became of a change that was sent in an earlier cycle."""
    state, totals = str(confirmation.state), report.confirmation_totals
    return replace(report, confirmation_totals={**totals, state: totals.get(state, 0) + 1})


def arrived(report: Report, at_s: float, subject: str) -> Report:
    """Return `report` with the last action on `subject` arrived, if it is still told of."""
    events = list(report.events)
    for index in reversed(range(len(events))):
        if (events[index].kind, events[index].subject) == ("action", subject):
            events[index] = replace(events[index], arrived_s=at_s)
            break
    return replace(report, events=tuple(events))


def acted(at_s: float, action: Action) -> Event:
    """Return the event that AWS took `action`."""
    match action:
        case Turn(mapping=subject) | Brake(function=subject):
            return Event(at_s, "action", action.reason, subject=subject)
        case AskForMore():
            return Event(at_s, "action", action.reason)


def called(report: Report, before: Calls, now: Calls) -> Report:
    """Return `report` with the API calls that were made between two readings."""
    totals = report.call_totals
    for (operation, outcome), times in now.items():
        if new := times - before.get((operation, outcome), 0):
            totals = counted(totals, operation, outcome, new)
    return replace(report, call_totals=totals)


def counted(totals: Tally, what: str, outcome: str, times: int = 1) -> Tally:
    """Return `totals` with `times` more of `what` that came to `outcome`."""
    outcomes = totals.get(what, {})
    return {**totals, what: {**outcomes, outcome: outcomes.get(outcome, 0) + times}}


def action_report(action: Action, outcome: Outcome | None) -> ActionReport:
    """Return an action in words; None: it is planned and was not sent."""
    kind, subject = _named(action)
    result = "planned" if outcome is None else str(outcome.result)
    return ActionReport(kind, subject, result, action.reason, outcome.detail if outcome else "")


def _named(action: Action) -> tuple[Literal["turn", "brake", "ask_for_more"], str]:
    match action:
        case Turn():
            return "turn", f"{action.function} ({action.mapping})"
        case Brake():
            return "brake", action.function
        case AskForMore():
            return "ask_for_more", "account"


def budget_report(budget: Budget | None) -> BudgetReport | None:
    """Return the budget in words; None: it is not known."""
    if budget is None:
        return None
    return BudgetReport(
        budget.limit,
        budget.headroom,
        budget.user_facing,
        budget.ungoverned,
        budget.other,
        budget.background,
    )


def _mappings(resolver: Resolver, observed: Observed) -> Iterable[MappingReport]:
    for each in observed.mappings or ():
        if resolver.claim(each.function).priority is Priority.BACKGROUND:
            count = observed.scopes.get(function_scope(each.function), ScopeCount())
            queue = observed.queues.get(each.queue)
            yield MappingReport(
                each.uuid,
                each.function,
                units(each.knobs),
                count.in_use,
                queue.visible if queue else None,
                queue.oldest_age_s if queue else None,
            )
