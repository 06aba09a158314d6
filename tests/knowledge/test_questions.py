"""What the labelled questions find: the figures that `docs/knowledge.md` tells."""

import re
from pathlib import Path

import pytest

from gateway.knowledge.seed import shipped_entries
from tests.knowledge.judged import figures, questions, suggested

PAGE = Path(__file__).parents[2] / "docs" / "knowledge.md"


def told(half: str) -> list[str]:
    """Return the figures of the page's row of a half."""
    row = re.search(rf"^\| {half} \|(.+)\|$", PAGE.read_text("utf-8"), re.MULTILINE)
    assert row is not None
    return [cell.strip() for cell in row[1].split("|")]


def test_the_questions_are_enough_and_name_entries_that_ship() -> None:
    """Hundreds of texts, most of them without an answer here, each half with both kinds."""
    shipped = {name for name, _ in shipped_entries()}
    for half in ("tune", "test"):
        asked = [item for item in questions() if item.half == half]
        with_answer = [item for item in asked if item.entry]
        assert len(with_answer) >= 60
        assert len(asked) - len(with_answer) >= 60
        assert {item.entry for item in with_answer} <= shipped


@pytest.mark.parametrize("half", ["tune", "test"])
def test_the_figures_are_as_told(half: str) -> None:
    """What is suggested is right in 95 of 100; the page has these very figures."""
    precision, coverage, first = figures(half)
    assert precision >= 0.95
    assert coverage >= 0.4
    assert first >= 0.95
    asked = [item for item in questions() if item.half == half]
    count = sum(suggested(item.text) is not None for item in asked)
    with_answer = sum(item.entry is not None for item in asked)
    counted = [str(len(asked)), str(with_answer), str(count)]
    assert told(half) == [*counted, *(f"{figure:.3f}" for figure in (precision, coverage, first))]
