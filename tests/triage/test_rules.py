"""Phrase expressions, tier rules and the dispatch catalogue's ranking."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from triage.rules.expressions import ExpressionSet, parse_expression
from triage.rules.scanner import Scanner
from triage.taxonomy import Catalogue
from triage.text.normalise import normalise
from triage.text.sentences import Sentences

LITERALS = st.lists(st.text("水气热电不", min_size=1, max_size=4), min_size=1, max_size=8)


@given(LITERALS, st.text("水气热电不停", max_size=40))
def test_scanner_finds_exactly_what_is_there(literals: list[str], text: str) -> None:
    """The scanner agrees with looking for every literal at every place."""
    wanted = [
        (start, literal)
        for start in range(len(text))
        for literal in sorted(set(literals), key=len)
        if text.startswith(literal, start)
    ]
    assert sorted(Scanner(literals).scan(text)) == sorted(wanted)


def holds(expression: str, text: str, window: int = 10) -> bool:
    """Whether an expression holds anywhere in a text."""
    text = normalise(text).text
    expressions = ExpressionSet([(parse_expression(expression), window)])
    hits = expressions.hits(text)
    return bool(hits) and any(expressions.matches(0, hits[0], Sentences(text)))


@pytest.mark.parametrize(
    ("expression", "text", "wanted"),
    [
        ("暖气 不热", "不热的暖气", True),
        ("暖气 不热", "暖气片摸着一点都不热", True),
        ("暖气 不热", "暖气管道改造之后每天早上都不热", False),
        ("暖气 不热", "暖气", False),
        ("燃气/煤气 漏/泄漏", "煤气在漏", True),
        ("暖气 不热 -收费", "暖气不热怎么收费", False),
        ("暖气 不热 -收费", "收费的事。暖气不热", True),
        ("暖气 不热 -收费", "收费窗口说了半天等了又等，暖气不热", True),
        ("ＷＩＦＩ 坏", "wifi坏了", True),
        ("水 水管", "水管", True),
    ],
)
def test_expression(expression: str, text: str, wanted: bool) -> None:
    """All terms within the window, in any order, and no unwanted one beside them."""
    assert holds(expression, text) is wanted


@pytest.mark.parametrize("source", ["", "  ", "-只有否定", "暖气/ 不热", "-"])
def test_bad_expression_is_refused(source: str) -> None:
    """An expression without a wanted word, or with an empty alternative, is an error."""
    with pytest.raises(ValueError, match=r"word"):
        parse_expression(source)


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("厨房燃气漏气了", ["gas-leak"]),
        ("参加燃气泄漏演练", []),
        ("参加演练。厨房燃气漏气", ["gas-leak"]),
        ("去年燃气漏气", []),
        ("去年燃气漏气，现在又来", ["gas-leak"]),
        ("去年燃气漏气。今天煤气泄漏", ["gas-leak"]),
        ("暖气不热，燃气漏气", ["gas-leak", "heat-out"]),
    ],
)
def test_tier_rules(catalogue: Catalogue, text: str, wanted: list[str]) -> None:
    """Rules fire unless their sentence excuses them, the most urgent first."""
    text = normalise(text).text
    assert [hit.rule.id for hit in catalogue.tiers.fired(text, Sentences(text))] == wanted


def test_tier_hit_points_to_the_words(catalogue: Catalogue) -> None:
    """A hit spans the words that made the rule fire."""
    text = "演练燃气泄漏。家里煤气漏气"
    (hit,) = catalogue.tiers.fired(text, Sentences(text))
    assert text[hit.start : hit.end] == "煤气漏气"


def test_local_entry_goes_first(catalogue: Catalogue) -> None:
    """An entry for a place wins there, and does not exist elsewhere."""
    text = "公园跳舞的音箱太吵"
    there = catalogue.matters.found(text, Sentences(text), {"district-haidian"})
    elsewhere = catalogue.matters.found(text, Sentences(text), {"district-chaoyang"})
    assert [hit.matter.id for hit in there] == ["dance-haidian", "dance"]
    assert [hit.matter.id for hit in elsewhere] == ["dance"]


def test_rules_stay_fast_on_hostile_text(catalogue: Catalogue) -> None:
    """A hundred thousand repeated words end, with one hit a rule."""
    text = "暖气不热收费标准" * 12_500
    assert catalogue.matters.found(text, Sentences(text)) == []
    assert len(catalogue.tiers.fired(text, Sentences(text))) == 1
