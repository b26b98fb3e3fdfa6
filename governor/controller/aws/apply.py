"""Apply: one action at a time. The original is in a tag before the first change."""

from collections.abc import Callable
from typing import Final, TypeVar

from governor.aws.calls import nothing
from governor.aws.errors import (
    CallError,
    GoneError,
    LaterError,
    NonsenseError,
    UnansweredError,
)
from governor.controller.actions import Action, AskForMore, Brake, Outcome, Result, Turn
from governor.controller.aws import limits, tags
from governor.controller.aws.calls import Calls
from governor.controller.aws.clients import Clients
from governor.controller.aws.mappings import update
from governor.controller.aws.observe import Observer
from governor.controller.aws.tags import Tags, UnreadableTagError

_DONE: Final = Outcome(Result.DONE)

T = TypeVar("T")


class Applier:
    """Changes the account, and tells the observer what it will see."""

    def __init__(self, clients: Clients, calls: Calls, known: Tags, observer: Observer) -> None:
        """Use what `observer` knows."""
        self._clients = clients
        self._calls = calls
        self._tags = known
        self._observer = observer

    def apply(self, action: Action) -> Outcome:
        """Do what the plan says, or say why not. Raises nothing of AWS's."""
        try:
            match action:
                case Turn():
                    return self._turn(action)
                case Brake():
                    return self._brake(action)
                case AskForMore():
                    return self._ask_for_more(action)
        except (CallError, UnreadableTagError) as error:
            return _not_done(action, error)

    def _turn(self, action: Turn) -> Outcome:
        after = action.after
        if after.max_pollers is not None and after.max_concurrency is not None:
            raise CallError("a mapping in provisioned mode can't have a maximum concurrency")
        if not action.restores:
            self._keep_original(action)
        if action.before != after:
            listed = self._observer.mappings.known.get(action.arn)
            pollers = (listed.get("ProvisionedPollerConfig") if listed else None) or {}
            request = update(action.mapping, action.before, after, pollers.get("MinimumPollers"))
            self._calls.change(
                "lambda:UpdateEventSourceMapping",
                lambda: self._clients.functions.update_event_source_mapping(**request),
                self._observer.mappings.changed,
            )
        return self._let_go(action.arn) if action.restores else _DONE

    def _keep_original(self, action: Turn) -> None:
        """See to it that the mapping has a tag with its original, and that it is the plan's."""
        tag = _before_the_change(lambda: self._tags.of(action.arn))
        if tag is None:
            original = tags.of_knobs(action.original)
            _before_the_change(lambda: self._tags.write(action.arn, original))
        elif tags.knobs(tag) != action.original:
            raise LaterError(
                f"mapping {action.mapping} has a tag with another original, {tag!r}, "
                "which the next plan goes by"
            )

    def _let_go(self, arn: str) -> Outcome:
        """Remove the tag of what is restored. If that fails, the next plan does it."""
        try:
            self._tags.remove(arn)
        except CallError as error:
            return Outcome(Result.DONE, f"restored, but the tag is left for now: {error}")
        return _DONE

    def _brake(self, action: Brake) -> Outcome:
        name = action.function
        arn = _before_the_change(lambda: self._observer.functions.arn_of(name))
        tag = _before_the_change(lambda: self._tags.of(arn))
        original = action.before if tag is None else tags.reserved(tag)
        if tag is None and action.after != original:
            _before_the_change(lambda: self._tags.write(arn, tags.of_reserved(original)))
        self._observer.functions.expire(name)
        self._observer.limits.expire()
        if action.after is None:
            self._calls.change(
                "lambda:DeleteFunctionConcurrency",
                lambda: self._clients.functions.delete_function_concurrency(FunctionName=name),
                nothing,
            )
        else:
            reserved = action.after
            self._calls.change(
                "lambda:PutFunctionConcurrency",
                lambda: self._clients.functions.put_function_concurrency(
                    FunctionName=name, ReservedConcurrentExecutions=reserved
                ),
                nothing,
            )
        return self._let_go(arn) if tag is not None and action.after == original else _DONE

    def _ask_for_more(self, action: AskForMore) -> Outcome:
        self._observer.quota.expire()
        return Outcome(Result.DONE, limits.request(self._clients, self._calls, action.desired))


def _not_done(action: Action, error: CallError | UnreadableTagError) -> Outcome:
    match error:
        case UnansweredError(sent=True) | NonsenseError():
            return Outcome(Result.DONE, str(error))
        case LaterError() | UnansweredError():
            return Outcome(Result.DEFERRED, str(error))
        case GoneError():
            return Outcome(Result.FAILED, f"{_subject(action)} is gone: {error}")
        case _:
            return Outcome(Result.FAILED, f"{_subject(action)}: {error}")


def _before_the_change(step: Callable[[], T]) -> T:
    """Do what must be sure before the change: without an answer, the change has to wait."""
    try:
        return step()
    except (UnansweredError, NonsenseError) as error:
        raise LaterError(str(error)) from error


def _subject(action: Action) -> str:
    match action:
        case Turn():
            return f"mapping {action.mapping} of {action.function}"
        case Brake():
            return f"function {action.function}"
        case AskForMore():
            return "the account's limit"
