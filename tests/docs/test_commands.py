"""Whatever a document tells its reader to type is a command of this version."""

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from tests.docs.test_documented import COMMANDS, ROOT
from tests.docs.test_links import DOCUMENTS

TARGETS = re.findall(r"^([a-z]+):.*##", (ROOT / "Makefile").read_text(), re.MULTILINE)


def typed(document: Path) -> Iterator[str]:
    """The lines of blocks, joined where they go on, and what stands as code in the text."""
    text = document.read_text(encoding="utf-8")
    for block in re.findall(r"```\w*\n(.*?)```", text, re.DOTALL):
        yield from (line.strip() for line in block.replace("\\\n", " ").splitlines())
    text = re.sub(r"```.*?```", "", text, flags=re.DOTALL)
    yield from (" ".join(span.split()) for span in re.findall(r"`([^`]+)`", text))


def lines(program: str) -> list[tuple[str, str]]:
    """Each different line that calls `program`, and the document that has it. No drawings."""
    call = re.compile(rf"({program} [a-z][^│|]*?)(?: +#.*)?")
    return sorted(
        {
            (str(document.relative_to(ROOT)), found[1])
            for document in DOCUMENTS
            for line in typed(document)
            if (found := call.fullmatch(line))
        }
    )


def called(words: list[str]) -> tuple[click.Command, list[str]]:
    """The command that `words` call, and its arguments."""
    for length in (3, 2):
        if command := COMMANDS.get(tuple(words[:length])):
            return command, words[length:]
    raise AssertionError(f"there is no command `{' '.join(words[:3])}`")


@pytest.mark.parametrize(("document", "line"), lines("governor"))
def test_a_command_has_the_options_that_it_is_given(document: str, line: str) -> None:
    assert document
    words = shlex.split(line)
    if len(words) == 2 and any(path[1] == words[1] for path in COMMANDS):
        return  # the name of a command, or of a group of them
    command, arguments = called(words)
    known = {option for each in command.params for option in [*each.opts, *each.secondary_opts]}
    given = {each.partition("=")[0] for each in arguments if each.startswith("-")}
    assert given <= known | {"-"}


@pytest.mark.parametrize(("document", "line"), lines("make"))
def test_make_has_the_target_that_it_is_given(document: str, line: str) -> None:
    assert document
    target, *variables = shlex.split(line)[1:]
    assert target in TARGETS
    assert all("=" in each for each in variables), "make would take it for a target"
