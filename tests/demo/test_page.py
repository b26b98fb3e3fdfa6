"""The demo's report is a page that needs nothing else."""

import re
from dataclasses import replace
from html import escape
from xml.etree import ElementTree as ET

import pytest

from governor.demo.fleet import FUNCTIONS, policy
from governor.demo.page import page
from governor.demo.recording import Event, Recording
from governor.demo.report import table
from tests.demo.recordings import REASON, governed, without

SVG = "{http://www.w3.org/2000/svg}"


def made(before: Recording, after: Recording, found: list[str]) -> str:
    """The page on two acts."""
    return page(policy(), before, after, table(policy(), before, after), found)


def picture(text: str) -> ET.Element:
    """The page's picture, which is well-formed."""
    (svg,) = re.findall(r"<svg.*</svg>", text, re.DOTALL)
    return ET.fromstring(svg)  # noqa: S314 - our own


def test_it_holds_the_figures_and_the_reasons_and_asks_for_nothing() -> None:
    text = made(without(), governed(), [])
    assert "no user was refused" in text
    assert "refused by AWS" in text
    assert REASON in text
    assert not re.search(r"https?://|\bsrc=|\bhref=|@import|url\(", text)


def test_both_acts_are_on_one_axis() -> None:
    drawn = picture(made(without(), governed(), []))
    for index in range(len(FUNCTIONS)):
        first, second = drawn.findall(f"polygon[@class='f{index}']")
        ends = [max(_x(each)) for each in (first, second)]
        assert max(_x(first)) < min(_x(second)), "one after the other"
        assert ends[0] < ends[1]
    assert drawn.findall("rect[@class='refused']"), "the refusals of the first act"
    assert len(drawn.findall("g[@class='event']")) == 1


def test_events_have_the_times_of_the_picture() -> None:
    text = made(without(), governed(), [])
    assert f"<li>6 s: {escape(REASON)}</li>" in text, "2 s after the first act of 4 s"


def _x(polygon: ET.Element) -> list[float]:
    return [float(point.partition(",")[0]) for point in polygon.attrib["points"].split()]


def test_what_others_write_is_no_markup() -> None:
    after = replace(governed(), events=[Event(1, "<b>&")])
    text = made(without(), after, ["<i>"])
    assert "<b>" not in text
    assert "<i>" not in text
    picture(text)


@pytest.mark.parametrize(
    "before", [without(throttled=0), replace(without(), samples=without().samples[:1])]
)
def test_an_act_in_which_nothing_happened_can_be_drawn(before: Recording) -> None:
    picture(made(before, governed(), ["this run has shown nothing"]))
