"""The CloudFormation templates as data: what they hold, which actions they allow, parts of them."""

import json
import re
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from cfnlint.decode import cfn_yaml

ROOT: Final = Path(__file__).parents[2]
FOLDER: Final = ROOT / "deploy" / "cloudformation"
_ACTION: Final = re.compile(r"\b[a-z0-9]+:(?:[A-Z][a-z]+){2,}\b")
"""IAM's name for a call: `lambda:GetFunction`."""

Template = Mapping[str, Any]


def load(name: str) -> dict[str, Any]:
    """The template `name`, its tags (`!Ref`) in their long form (`Ref`)."""
    template: dict[str, Any] = json.loads(json.dumps(cfn_yaml.load(str(FOLDER / name))))
    return template


def properties(template: Template, resource: str) -> dict[str, Any]:
    """The properties of a resource."""
    found: dict[str, Any] = template["Resources"][resource]["Properties"]
    return found


def statements(template: Template, resource: str) -> Iterator[dict[str, Any]]:
    """The statements of a role or a managed policy, `Action` and `Resource` as lists."""
    given = properties(template, resource)
    documents = [each["PolicyDocument"] for each in given.get("Policies", [])]
    documents += [given["PolicyDocument"]] if "PolicyDocument" in given else []
    for document in documents:
        for statement in document["Statement"]:
            yield statement | {key: _listed(statement[key]) for key in ("Action", "Resource")}


def allowed(template: Template, resource: str) -> set[str]:
    """The actions that a role or a managed policy allows."""
    return {action for each in statements(template, resource) for action in each["Action"]}


def named(*folders: str) -> set[str]:
    """The actions that the product's sources in `folders` name."""
    sources = [file for folder in folders for file in (ROOT / folder).rglob("*.py")]
    return {
        action for file in sources for action in _ACTION.findall(file.read_text(encoding="utf-8"))
    }


def part(template: Template, types: Collection[str], **others: str) -> str:
    """The resources of these types (`AWS::Lambda`) alone, as JSON.

    `others` stand for what they refer to elsewhere; where a value is missing, this fails.
    """
    kept = {
        name: resource
        for name, resource in template["Resources"].items()
        if resource["Type"].rpartition("::")[0] in types
    }
    outputs = {
        name: output
        for name, output in template["Outputs"].items()
        if set(_referred(output)) <= {*kept, *template["Parameters"]}
    }
    missing = set(_referred(kept)) - {*kept, *template["Parameters"]}
    parameters = {name: {"Type": "String", "Default": others[name]} for name in missing}
    text = json.dumps(
        {
            "Parameters": {**template["Parameters"], **parameters},
            "Conditions": template.get("Conditions", {}),
            "Resources": kept,
            "Outputs": outputs,
        }
    )
    for name in missing:
        text = re.sub(rf'{{"Fn::GetAtt": \["{name}", "[\w.]+"\]}}', f'{{"Ref": "{name}"}}', text)
    return text


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _referred(value: Any) -> Iterator[str]:
    """The logical names in `value`, which is a part of a template."""
    match value:
        case {"Ref": str(name)} | {"Fn::GetAtt": [str(name), *_]}:
            if "::" not in name:
                yield name
        case {"Fn::Sub": str(text)}:
            yield from (name for name in re.findall(r"\${([\w:]+)", text) if "::" not in name)
        case dict():
            for each in value.values():
                yield from _referred(each)
        case list():
            for each in value:
                yield from _referred(each)
        case _:
            pass
