"""Sources without what only their readers need: line for line, so that tracebacks still fit. Pure.

Comments and docstrings are more than a third of the layer, and every cold start reads it all.
"""

import io
import tokenize
from collections.abc import Iterator

_STATEMENT_ENDS = {tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT}


def bare(name: str, text: str) -> str:
    """Return the `text` of the file `name` without comments, as far as its language is known."""
    if name.endswith(".py"):
        return bare_python(text)
    if name.endswith((".js", ".cjs", ".mjs")):
        return bare_javascript(text)
    return text


def bare_python(text: str) -> str:
    """Remove comments; make each string that is a statement, such as a docstring, an empty one."""
    lines = text.splitlines()
    for (first, start), (last, end), left in reversed(list(_removable(text))):
        kept = lines[first - 1][:start] + left + lines[last - 1][end:]
        lines[first - 1 : last] = [kept.rstrip(), *[""] * (last - first)]
    return "".join(f"{line}\n" for line in lines)


def bare_javascript(text: str) -> str:
    """Remove the comments that begin a line.

    Which of them are comments can be told without a parser as long as no template literal of the
    sources spans lines.
    """
    return "".join(f"{line.rstrip()}\n" for line in _javascript_lines(text))


def _removable(text: str) -> Iterator[tuple[tuple[int, int], tuple[int, int], str]]:
    """Where something to remove begins and ends (line from 1, column), and what is left of it."""
    before = tokenize.NEWLINE
    string: tokenize.TokenInfo | None = None
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type == tokenize.COMMENT:
            yield token.start, token.end, ""
        elif token.type != tokenize.NL:
            if string is not None and token.type == tokenize.NEWLINE:
                yield string.start, string.end, '""'
            # An f-string is one token until Python 3.11, and several since.
            plain = token.type == tokenize.STRING and token.string.startswith(('"', "'", 'r"'))
            string = token if plain and before in _STATEMENT_ENDS else None
            before = token.type


def _javascript_lines(text: str) -> Iterator[str]:
    within = False
    for line in text.splitlines():
        begins = line.lstrip()
        if within or begins.startswith("/*"):
            _, ended, rest = begins.partition("*/")
            within = not ended
            yield rest
        else:
            yield "" if begins.startswith("//") else line
