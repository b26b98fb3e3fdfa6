"""The runbook's example of a bill adds up, and its tasks are of a size that the template has."""

import re
from math import prod

import pytest

from tests.deploy.templates import load
from tests.docs.test_documented import ROOT

TABLE = re.search(
    r"\| \| 200 invocations/s .*?\n\n", (ROOT / "docs/runbook.md").read_text(), re.DOTALL
)
assert TABLE
_, _, SIZES, _, *PRICES, HOUR, MONTH = [
    [cell.strip(" *$") for cell in row.split("|")[2:-1]] for row in TABLE[0].strip().splitlines()
]
COLUMNS = range(3)


def value(cell: str) -> float:
    """The value of a sum of products."""
    products = (re.findall(r"[\d.]+", term) for term in cell.split("+"))
    return sum(prod(map(float, factors)) for factors in products)


@pytest.mark.parametrize("column", COLUMNS)
def test_the_bill_adds_up(column: int) -> None:
    hour = sum(value(row[column]) for row in PRICES)
    assert round(hour, 2) == float(HOUR[column])
    assert round(hour * 730) == pytest.approx(float(MONTH[column].replace(",", "")), abs=1)


@pytest.mark.parametrize("column", COLUMNS)
def test_a_task_of_the_bill_is_one_of_the_templates(column: int) -> None:
    tasks, cpu, memory = (float(number) for number in re.findall(r"[\d.]+", SIZES[column]))
    price = round(cpu * 0.03238 + memory * 0.00356, 4)
    assert value(PRICES[0][column]) == pytest.approx(tasks * price, abs=0.0002)
    template = load("governor.yaml")
    assert template["Mappings"]["MemoryOf"][f"{cpu * 1024:.0f}"]["MiB"] == memory * 1024
    assert tasks >= template["Parameters"]["Tasks"]["MinValue"]
