"""From a TOML file to a scenario. What is wrong with it is named by key and line."""

import tomllib
from importlib.resources import files
from pathlib import Path
from typing import Any

from governor.errors import InvalidInputError
from governor.policy import Policy, built
from governor.simulate.lines import line_of
from governor.simulate.scenario import (
    Duration,
    Function,
    FunctionEntry,
    Head,
    Lognormal,
    Recorded,
    RecordedDurations,
    Scenario,
    SqsSource,
    Step,
)
from governor.validation import FunctionName, convert

_SHIPPED = files("governor.simulate") / "scenarios"


def shipped() -> list[str]:
    """Return the names of the scenarios that come along."""
    return sorted(
        entry.name.removesuffix(".toml")
        for entry in _SHIPPED.iterdir()
        if entry.name.endswith(".toml")
    )


def read(name: str) -> Scenario:
    """Read a scenario: a file, or one of those that come along by its bare name.

    Raises `InvalidInputError` with the key and the line at fault.
    """
    path = Path(name)
    if not path.is_file() and name.removesuffix(".toml") in shipped():
        path = Path(str(_SHIPPED / f"{name.removesuffix('.toml')}.toml"))
    try:
        text = path.read_text(encoding="utf-8-sig")
    except OSError as error:
        known = ", ".join(shipped())
        reason = f"can't be read ({error.strerror}); there is none of that name among {known}"
        raise InvalidInputError(name, reason) from error
    except UnicodeDecodeError as error:
        raise InvalidInputError(name, "is no UTF-8 text") from error
    return parse(text, path)


def parse(text: str, path: Path) -> Scenario:
    """Read the scenario in `text`, which is that of the file `path`."""
    try:
        document = tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise InvalidInputError(path.name, f"no valid TOML: {error}") from error
    try:
        return _built(document, path)
    except InvalidInputError as error:
        line = line_of(text, error.field)
        place = path.name if line is None else f"{path.name}, line {line}"
        raise InvalidInputError(error.field, f"{error.reason} ({place})") from error


def _built(document: dict[str, Any], path: Path) -> Scenario:
    sections = dict(document)
    entries = convert(sections.pop("functions", {}), dict[str, Any], "functions")
    head = convert(sections, Head)
    if not entries:
        raise InvalidInputError("functions", "a scenario needs at least one function")
    functions: list[Function] = []
    for family, raw in entries.items():
        at = f"functions.{family}"
        entry = _entry(raw, at, path.parent)
        for number in range(entry.count):
            name = family if entry.count == 1 else f"{family}-{number + 1}"
            functions.append(Function(convert(name, FunctionName, at), family, entry))
    if len({each.name for each in functions}) < len(functions):
        raise InvalidInputError("functions", "two functions have the same name")
    reserved = sum(each.entry.reserved or 0 for each in functions)
    if reserved > head.account.limit:
        raise InvalidInputError(
            "account.limit", f"functions have {reserved:,} of it reserved; it must be as much"
        )
    return Scenario(path.stem, str(path.parent), head, tuple(functions), _policy(head, functions))


def _entry(raw: object, at: str, folder: Path) -> FunctionEntry:
    entry = convert(raw, FunctionEntry, at)
    source = entry.source
    if isinstance(source, SqsSource) and source.visibility_s < entry.timeout_s:
        reason = f"AWS takes no less than the function's timeout, {entry.timeout_s:g} s"
        raise InvalidInputError(f"{at}.source.visibility_s", reason)
    if entry.sqs_max is not None and not isinstance(source, SqsSource):
        raise InvalidInputError(f"{at}.sqs_max", "only a queue has a MaximumConcurrency")
    _check_duration(entry.duration, f"{at}.duration", folder)
    _check_duration(entry.cold_start, f"{at}.cold_start", folder)
    for index, arrivals in enumerate(entry.arrivals):
        match arrivals:
            case Recorded(file=name):
                _check_file(folder / name, f"{at}.arrivals[{index}].file")
            case Step(from_s=from_s, until_s=until_s) if until_s <= from_s:
                reason = f"{until_s:g} is not after from_s {from_s:g}"
                raise InvalidInputError(f"{at}.arrivals[{index}].until_s", reason)
    return entry


def _check_duration(duration: Duration, at: str, folder: Path) -> None:
    match duration:
        case RecordedDurations(file=name):
            _check_file(folder / name, f"{at}.file")
        case Lognormal(p50_ms=p50_ms, p99_ms=p99_ms) if p99_ms < p50_ms:
            raise InvalidInputError(f"{at}.p99_ms", f"{p99_ms:g} is less than p50_ms {p50_ms:g}")


def _check_file(path: Path, at: str) -> None:
    if not path.is_file():
        raise InvalidInputError(at, f"there is no file {path}")
    try:
        path.open("rb").close()
    except OSError as error:
        raise InvalidInputError(at, f"{path} can't be read: {error.strerror}") from error


def _policy(head: Head, functions: list[Function]) -> Policy:
    """The governor's policy with an entry for every function.

    A complaint about a function names its family's entry, where it stands.
    """
    document: dict[str, Any] = dict(head.governor.policy)
    account = document.get("account", {})
    if isinstance(account, dict):
        document["account"] = {"max_concurrency": head.account.limit, **account}
    others = convert(document.get("functions", {}), dict[str, Any], "governor.policy.functions")
    for each in functions:
        if each.name in others:
            reason = f"it is simulated: write this to functions.{each.family}.policy"
            raise InvalidInputError(f"governor.policy.functions.{each.name}", reason)
        if "priority" in each.entry.policy:
            reason = f"functions.{each.family}.priority says it; remove it here"
            raise InvalidInputError(f"functions.{each.family}.policy.priority", reason)
    document["functions"] = others | {
        each.name: {**each.entry.policy, "priority": each.entry.priority.value}
        for each in functions
    }
    try:
        return built(document)
    except InvalidInputError as error:
        raise InvalidInputError(_where(error.field, functions), error.reason) from error


def _where(field: str, functions: list[Function]) -> str:
    for each in functions:
        own = f"functions.{each.name}"
        if field == own or field.startswith(f"{own}."):
            return f"functions.{each.family}.policy{field.removeprefix(own)}"
    return f"governor.policy.{field}"
