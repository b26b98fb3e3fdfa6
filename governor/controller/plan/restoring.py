"""The plan that undoes everything. Pure."""

from dataclasses import replace

from governor.controller.actions import Action, Brake, NonAction, Turn
from governor.controller.memory import Memory, Turned
from governor.controller.observed import Observed
from governor.controller.plan.confirm import Confirmation, follow_brake, follow_turn, reserved
from governor.controller.plan.gather import distinct, hands_off, waits
from governor.controller.plan.knobs import change, shown
from governor.controller.plan.planning import Plan


def restore_all(observed: Observed, memory: Memory) -> Plan:
    """Return the plan that puts everything back as it was before the controller's first change.

    It takes several rounds while AWS applies changes: all is done when a plan has no action and no
    pending confirmation. What somebody else has changed since stays as it is.
    """
    turns = _turned_back(observed, memory)
    brakes = _released(observed, memory)
    return Plan(
        (*turns.actions, *brakes.actions),
        (*turns.non_actions, *brakes.non_actions),
        None,
        replace(memory, turns=turns.memory.turns, brakes=brakes.memory.brakes),
        (*turns.confirmations, *brakes.confirmations),
    )


def _turned_back(observed: Observed, memory: Memory) -> Plan:
    actions: list[Action] = []
    non_actions: list[NonAction] = []
    confirmations: list[Confirmation] = []
    turns = dict(memory.turns)
    for mapping in distinct(observed.mappings or ()):
        uuid, before = mapping.uuid, mapping.knobs
        record, confirmation = follow_turn(mapping, turns.pop(uuid, None), observed.at_s)
        confirmations += [confirmation] if confirmation else []
        if record is None and mapping.original is None:
            continue
        record = record or Turned(before, before, before, observed.at_s)
        if before == record.original and not waits(confirmation):  # whoever did that
            record = replace(record, theirs=None)
            if mapping.original is None:
                continue
        if waits(confirmation) or record.theirs is not None:
            turns[uuid] = record
            why = hands_off(record) if record.theirs else "its last change has not settled yet"
            text = f"{mapping.function}: stays {shown(before)}: {why}"
            non_actions.append(NonAction(uuid, text))
            continue
        after = record.original
        reason = f"{change(mapping.function, before, after)}: put back as asked"
        actions.append(Turn(uuid, mapping.arn, mapping.function, before, after, after, reason))
        turns[uuid] = replace(record, before=before, sent=after, at_s=observed.at_s)
    kept = replace(memory, turns=turns)
    return Plan(tuple(actions), tuple(non_actions), None, kept, tuple(confirmations))


def _released(observed: Observed, memory: Memory) -> Plan:
    actions: list[Action] = []
    non_actions: list[NonAction] = []
    confirmations: list[Confirmation] = []
    brakes = dict(memory.brakes)
    for name, facts in sorted(observed.functions.items()):
        record, confirmation = follow_brake(facts, brakes.pop(name, None), observed.at_s)
        confirmations += [confirmation] if confirmation else []
        if record is None:
            continue
        now, after = facts.reserved, record.original
        if now == after and not waits(confirmation):
            record = replace(record, theirs=None)
            if not facts.braked:
                continue
        if waits(confirmation) or record.theirs is not None:
            brakes[name] = record
            theirs = f"somebody else has set {reserved(now)}: hands off"
            why = "its last change has not settled yet" if record.theirs is None else theirs
            non_actions.append(NonAction(name, f"{name}: {why}"))
            continue
        reason = f"{name}: {reserved(now)} → {reserved(after)}: put back as asked"
        actions.append(Brake(name, now, after, reason))
        brakes[name] = replace(record, before=now, sent=after, at_s=observed.at_s)
    kept = replace(memory, brakes=brakes)
    return Plan(tuple(actions), tuple(non_actions), None, kept, tuple(confirmations))
