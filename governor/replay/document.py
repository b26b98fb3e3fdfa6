"""A proposal as YAML, with the reason for each number as a comment above its entry. Pure."""

from collections import defaultdict
from collections.abc import Iterable, Iterator

import msgspec
import yaml

from governor.replay.recommending import Proposal, Reason


def document(proposal: Proposal, head: str) -> str:
    """Return the proposed policy as YAML that begins with the lines of `head` as comments."""
    sections = msgspec.to_builtins(proposal.policy)
    lines = [f"# {line}".rstrip() for line in head.splitlines()]
    reasons: defaultdict[str, list[Reason]] = defaultdict(list)
    for reason in proposal.reasons:
        reasons[reason.path.rpartition(".")[0]].append(reason)
    for name, value in sections.items():
        if name in ("groups", "functions"):
            lines += ["", f"{name}:"]
            for entry, fields in value.items():
                lines += _entry(reasons[f"{name}.{entry}"], entry, fields, "  ")
        else:
            lines += ["", *_entry(reasons[name], name, value, "")]
    return "\n".join(lines) + "\n"


def _entry(reasons: Iterable[Reason], name: str, fields: object, indent: str) -> Iterator[str]:
    for reason in reasons:
        yield f"{indent}# {reason.path.rpartition('.')[2]} {reason.value}: {reason.why}"
    yield f"{indent}{_flow(name)}: {_flow(fields)}"


def _flow(value: object) -> str:
    text: str = yaml.safe_dump(
        value, default_flow_style=True, width=float("inf"), sort_keys=False, allow_unicode=True
    )
    return text.removesuffix("\n").removesuffix("\n...")
