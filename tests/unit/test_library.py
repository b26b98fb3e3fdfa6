"""The library: all of its parts, under a name made from its text."""

import re

import pytest

from governor.ledger.library import PARTS, assemble, part, shipped

PRODUCT = {name: part(name) for name in PARTS}


def test_the_shipped_library_is_made_of_all_parts() -> None:
    library = shipped()
    assert library == assemble(PRODUCT)
    for text in PRODUCT.values():
        assert text in library.source


def test_a_library_is_named_after_its_text() -> None:
    library = shipped()
    assert re.fullmatch(r"governor_[0-9a-f]{12}", library.name)
    assert library.source.startswith(f"#!lua name={library.name}\n")
    functions = "exchange", "put_policy", "lead", "record", "resign", "note", "tell"
    for function in functions:
        assert getattr(library, function) == f"{library.name}_{function}"
        assert f"redis.register_function(NAME .. '_{function}', {function})" in library.source


@pytest.mark.parametrize("changed", PARTS)
def test_any_change_makes_another_library(changed: str) -> None:
    another = assemble(PRODUCT | {changed: f"{PRODUCT[changed]}-- changed\n"})
    assert another.name != shipped().name


def test_the_order_of_the_parts_is_the_librarys_own() -> None:
    assert assemble(dict(reversed(PRODUCT.items()))) == shipped()


def test_time_is_the_stores_and_read_in_one_place() -> None:
    assert [name for name, text in PRODUCT.items() if "'TIME'" in text] == ["clock"]
    assert not any("os.time" in text or "os.clock" in text for text in PRODUCT.values())
