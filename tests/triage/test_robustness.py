"""The same appeal told a little differently: what shipped decides must stand."""

from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.triage.test_shipped import SHIPPED
from training.cli import read_catalogue
from training.corpus import OWN, Reader
from training.robustness import CHANGES, full_width, rates, traditional
from triage.appeal import Appeal, SourceText
from triage.decision import Route, Tier
from triage.text.normalise import normalise

TEXTS = [
    row.text for row in Reader(read_catalogue()).rows(OWN / "written" / "lin.jsonl", "written")
]
RATES = rates(SHIPPED, TEXTS, seed=7)

#: Of all texts, at least this share keeps its tier, and its unit.
LEAST = {
    "full_width": (1.0, 1.0),
    "traditional": (1.0, 1.0),
    "fillers": (0.9, 0.85),
    "unpunctuated": (0.9, 0.9),
    "greeted": (0.95, 0.95),
    "signed": (0.95, 0.95),
    "quoted": (0.9, 0.9),
}


@pytest.mark.parametrize("change", list(CHANGES))
def test_decisions_stand(change: str) -> None:
    """Most tiers and units stay what they were; the rates stand in docs/triage.md."""
    tier, unit = LEAST[change]
    assert RATES[change]["tier"] >= tier
    assert RATES[change]["unit"] >= unit


def test_a_quotation_raises_no_alarm() -> None:
    """An alarm word in a quotation that has nothing to do with the matter seldom raises a tier.

    These texts are half emergencies and half what sounds like one: nowhere is it more likely.
    """
    assert RATES["quoted"]["raised"] <= 0.08


@given(st.sampled_from(TEXTS))
@settings(max_examples=60)
def test_width_and_script_change_nothing(text: str) -> None:
    """Full-width forms and traditional characters are read as the same text."""
    for change in (full_width, traditional):
        assert normalise(change(text, Random(0))).text == normalise(text).text


@pytest.mark.parametrize(
    "text",
    [
        "",
        " \n\t ",
        "😀" * 300,
        "0123456789" * 30,
        "\x00\x01\x02\x7f",
        "Здравствуйте, у нас нет воды",
        "안녕하세요 물이 안 나와요",
        "!!!???",
        "a",
    ],
)
def test_what_cannot_be_read_goes_to_a_person(text: str) -> None:
    """Nothing to read in it: a person, with a reason, and never an exception."""
    decision = SHIPPED.decide(Appeal((SourceText("text", text),)))
    assert decision.route is Route.PERSON
    assert decision.unit is None
    assert not decision.automatic
    assert [reason for reason in decision.reasons if reason.kind == "domain"]


def test_a_very_long_letter_is_read_to_its_end() -> None:
    """100,000 characters are decided on, and the danger in the last line is heard."""
    letter = "关于物业费的事情我再说一遍，" * 7200 + "现在厨房里燃气管子漏气，嘶嘶响。"
    decision = SHIPPED.decide(Appeal((SourceText("text", letter[-100_000:]),)))
    assert decision.tier is Tier.EMERGENCY
