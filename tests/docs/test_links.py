"""What a document points to is there: files, headings, and what an alert sends its reader to."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[2]
DOCUMENTS = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/*.md"), *ROOT.glob("deploy/**/*.md")])
RULES = yaml.safe_load((ROOT / "deploy/prometheus/rules.yaml").read_text(encoding="utf-8"))
RUNBOOKS = [
    rule["annotations"]["runbook"]
    for group in RULES["groups"]
    for rule in group["rules"]
    if "alert" in rule
]


def links() -> Iterator[tuple[Path, str]]:
    """Every link to something of this repository, and the document that has it."""
    for document in DOCUMENTS:
        text = re.sub(r"```.*?```", "", document.read_text(encoding="utf-8"), flags=re.DOTALL)
        for target in re.findall(r"\]\(([^)\s]+)\)", text):
            if "://" not in target:
                yield document, target


def anchors(document: Path) -> set[str]:
    """The names of a document's headings, as they are linked to."""
    headings = re.findall(r"^#+ (.+)$", document.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", each.lower()).strip().replace(" ", "-") for each in headings}


@pytest.mark.parametrize(("document", "target"), sorted(set(links())), ids=str)
def test_a_link_leads_somewhere(document: Path, target: str) -> None:
    path, _, anchor = target.partition("#")
    file = document.parent / path if path else document
    assert file.exists()
    assert not anchor or anchor in anchors(file)


@pytest.mark.parametrize("runbook", RUNBOOKS)
def test_an_alert_sends_its_reader_to_a_chapter(runbook: str) -> None:
    path, _, anchor = runbook.partition("#")
    assert anchor in anchors(ROOT / path)
