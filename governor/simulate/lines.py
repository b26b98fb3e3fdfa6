"""Where in a TOML document a key stands: the parser of the standard library does not say. Pure."""

import re
import tomllib

_STEP = re.compile(r"[^.\[\]]+")


def line_of(text: str, path: str) -> int | None:
    """Return the line (from 1) that gives `path` its value, or the nearest part of it above.

    `text` is valid TOML, `path` as in complaints: ``functions.api.arrivals[0].rate``. None: none of
    its parts is in there.
    """
    steps = _STEP.findall(path)
    document = tomllib.loads(text)
    while steps:
        if (line := _giving(text, document, steps)) is not None:
            return line
        steps.pop()
    return None


def _giving(text: str, document: object, steps: list[str]) -> int | None:
    """The first line without whose mention of the last key the path has another value.

    So no grammar is needed here: the parser itself tells what a line is good for.
    """
    value = _value(document, steps)
    if value is None:
        return None
    place = max(index for index, step in enumerate(steps) if not step.isdigit())
    key, above = steps[place], steps[:place]
    mention = re.compile(rf"(?<![A-Za-z0-9_-]){re.escape(key)}(?![A-Za-z0-9_-])")
    lines = text.split("\n")
    for number, line in enumerate(lines):
        for found in mention.finditer(line):
            other = f"{line[: found.start()]}{key}_{line[found.end() :]}"
            without = "\n".join([*lines[:number], other, *lines[number + 1 :]])
            try:
                left = tomllib.loads(without)
            except tomllib.TOMLDecodeError:  # something else depends on it
                continue
            if _value(left, steps) != value and _value(left, above) is not None:
                return number + 1
    return None


def _value(document: object, steps: list[str]) -> object:
    for step in steps:
        if isinstance(document, list) and step.isdigit() and int(step) < len(document):
            document = document[int(step)]
        elif isinstance(document, dict) and step in document:
            document = document[step]
        else:
            return None
    return document
