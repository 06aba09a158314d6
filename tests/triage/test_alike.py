"""Likeness of two texts: the same both ways, and blind to how a text is written."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from gateway.repeats.comparing import shipped_commonness
from triage.alike.commonness import RARE, parse_commonness, write_commonness
from triage.alike.gather import FEWEST_KEYS, MOST_COMPARED, candidates
from triage.alike.sketch import SIZE, Likeness, Sketch, likeness, reason, sketch
from triage.alike.words import same_words

TABLE = shipped_commonness()
WORDS = st.lists(
    st.sampled_from(
        [
            "青檀苑小区",
            "噪音",
            "搅拌站",
            "三号楼",
            "路灯",
            "夜里",
            "不亮",
            "扰民",
            "58",
            "地铁口",
            ",",
            "。",
            "停水",
            "\n",
        ]
    ),
    min_size=1,
    max_size=30,
).map("".join)
SAME = [
    ("青檀苑小区夜里施工噪音扰民", "青檀苑小区夜里施工,噪音扰民!"),
    ("青檀苑小区58号楼停水", "青檀苑小区58号楼停水"),
    ("青檀苑小区夜里停水", "青檀苑小區夜裡停水"),
]


def alike(one: str, other: str) -> Likeness:
    """How alike two texts are."""
    return likeness(sketch(one, TABLE), sketch(other, TABLE))


@given(WORDS, WORDS)
def test_likeness_is_the_same_both_ways(one: str, other: str) -> None:
    """Nobody's order of arrival decides whether two are of one matter."""
    assert alike(one, other) == alike(other, one)
    assert same_words(one, other) == same_words(other, one)
    assert 0 <= alike(one, other).score <= 1


@given(st.text(), st.text())
@example("𠮷野家𪚥龘门前污水", "𠀀")
@example("①号楼½ﬁ\ud800", "一\u0300号")
def test_any_text_can_be_compared(one: str, other: str) -> None:
    """Whatever somebody writes, it is compared and stored: else all others would wait behind it."""
    found = alike(one, other)
    assert reason(found, one)["kind"] == "same_matter"
    assert same_words(one, other) == same_words(other, one)
    stored = sketch(one, TABLE)
    assert Sketch.from_bytes(stored.to_bytes()).keys == stored.keys


@given(WORDS)
def test_a_text_is_like_itself(text: str) -> None:
    """The likeness of a text with itself is 1, if it has words at all."""
    found = sketch(text, TABLE)
    if found.weights:
        assert likeness(found, found).score == pytest.approx(1)
        assert likeness(found, found).same_place


@pytest.mark.parametrize(("one", "other"), SAME)
def test_width_punctuation_and_old_characters_change_nothing(one: str, other: str) -> None:
    """The same words are the same, however they are typed."""
    assert same_words(one, other)
    assert alike(one, other).is_same_matter


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("青檀苑小区3号楼夜里停水好几天没有人管", "青檀苑小区5号楼夜里停水好几天没有人管"),
        ("青檀苑东区夜里停水好几天没有人管", "青檀苑西区夜里停水好几天没有人管"),
        ("青檀苑小区停水", "青檀苑小区停电"),
        ("", ""),
        ("!!!", "???"),
    ],
)
def test_another_number_side_or_matter_is_not_the_same(one: str, other: str) -> None:
    """What a person would not take for the same words is not merged."""
    assert not same_words(one, other)


@given(WORDS)
def test_a_sketch_comes_back_from_the_store(text: str) -> None:
    """What is stored finds and compares like what was stored, but for a little rounding."""
    found = sketch(text, TABLE)
    stored = found.to_bytes()
    back = Sketch.from_bytes(stored)
    assert len(stored) <= 5 * SIZE + 1
    assert (back.keys, back.places) == (found.keys, found.places)
    if found.weights:
        assert likeness(found, back).score > 0.99


def test_masked_tokens_are_no_words() -> None:
    """Two appeals are not alike because both name a telephone."""
    assert sketch("[电话][身份证号][诉求人]", TABLE).weights == {}


def test_the_reason_tells_what_both_hold() -> None:
    """The reason holds words of this text that the other one has too, and nothing else."""
    one = "青檀苑小区旁边的搅拌站噪音很大"
    other = "搅拌站建在青檀苑小区门口,夜里噪音扰民"
    told = reason(alike(one, other), one)
    assert told["kind"] == "same_matter"
    for word in (*told["places"], *told["words"]):
        assert word in one
        assert word in other
    assert told["places"]


def test_candidates_share_keys_and_are_few() -> None:
    """One key in common is chance; of many candidates those with most keys are compared."""
    lists = [list(range(100)), list(range(50, 150)), [60, 999]]
    found = candidates(lists)
    assert len(found) == MOST_COMPARED
    assert found[0] == 60
    assert 999 not in found
    assert FEWEST_KEYS == 2


def test_the_table_holds_pairs_of_characters_only() -> None:
    """What ships is how common pairs are; it is written and read without loss."""
    assert len(TABLE) > 10_000
    assert all(len(pair) == 2 and not any(char.isascii() for char in pair) for pair in TABLE)
    assert max(TABLE.values()) < RARE + 0.1
    assert parse_commonness(write_commonness(TABLE.items())) == TABLE
