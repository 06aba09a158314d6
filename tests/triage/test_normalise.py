"""Normalisation and the way back to the original text."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from triage.appeal import Appeal, SourceText
from triage.text.document import Document
from triage.text.normalise import normalise
from triage.text.sentences import Sentences
from triage.text.traditional import SIMPLIFIED

ANY_TEXT = st.text(alphabet=st.characters(), max_size=200) | st.text(
    alphabet="暖氣不热 \n\r\t\u200b\ufeffＡa１。！?İß", max_size=60
)


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("１２３４５，ＡＢＣ！", "12345,abc!"),
        ("暖 氣\u200b不　熱", "暖气不热"),
        ("Wi Fi 坏了", "wi fi坏了"),
        ("一行\r\n\r\n二行", "一行\n二行"),
        ("\ufeff  门口的树倒了 \n", "门口的树倒了"),
        ("半个\ud83d字", "半个字"),
        ("İstanbul", "İstanbul"),
    ],
)
def test_normalises(text: str, wanted: str) -> None:
    """Width, case, simple traditional characters and idle white space are made one."""
    assert normalise(text).text == wanted


@given(ANY_TEXT)
def test_normalising_twice_changes_nothing(text: str) -> None:
    """A normalised text is its own normal form."""
    once = normalise(text).text
    assert normalise(once).text == once


@given(ANY_TEXT)
def test_offsets_rise_and_stay_inside(text: str) -> None:
    """Every normalised character has its own place in the original, in order."""
    normal = normalise(text)
    starts = list(normal.starts)
    assert len(starts) == len(normal.text)
    assert all(a < b for a, b in pairwise(starts))
    assert all(0 <= start < len(text) for start in starts)


def test_span_points_to_the_original() -> None:
    """A span of the normal form leads to the characters it came from."""
    original = "你好， 暖 气\u200b不熱"
    normal = normalise(original)
    start = normal.text.index("暖气不热")
    first, last = normal.original_span(start, start + 4)
    assert original[first:last] == "暖 气\u200b不熱"


def test_empty_span_is_refused() -> None:
    """No characters have no place."""
    with pytest.raises(IndexError):
        normalise("水").original_span(1, 1)


def test_traditional_pairs_are_stable() -> None:
    """No simplified character of the table is itself taken for a traditional one."""
    assert not set(SIMPLIFIED.values()) & set(SIMPLIFIED)


def test_sentences_end_at_stops() -> None:
    """A stop belongs to the sentence that it ends, and a line is a sentence."""
    sentences = Sentences("甲。乙!\n丙")
    assert [sentences.at(place) for place in range(6)] == [0, 0, 1, 1, 2, 3]


def test_document_spans_name_their_sources() -> None:
    """A span over two sources comes back as one span in each."""
    document = Document(Appeal((SourceText("甲", "我家 暖气"), SourceText("乙", "　不热了"))))
    start = document.text.index("暖气")
    spans = document.original_spans(start, document.text.index("了"))
    assert spans == [("甲", 3, 5), ("乙", 1, 3)]


@given(st.lists(ANY_TEXT, max_size=3), st.data())
def test_document_spans_are_inside_their_sources(texts: list[str], data: st.DataObject) -> None:
    """Whatever is joined, spans stay within the sources that they name."""
    document = Document(
        Appeal(tuple(SourceText(str(place), text) for place, text in enumerate(texts)))
    )
    start = data.draw(st.integers(0, len(document.text)))
    end = data.draw(st.integers(start, len(document.text)))
    for source, first, last in document.original_spans(start, end):
        assert 0 <= first < last <= len(texts[int(source)])


def test_homophone_slips_are_mended_in_place() -> None:
    """What a recogniser wrote by ear is read as it was meant, and points to what was written."""
    normal = normalise("厨房然气味，电提也坏了，物页不管")
    assert normal.text == "厨房燃气味,电梯也坏了,物业不管"
    assert normal.original_span(2, 4) == (2, 4)


@pytest.mark.parametrize("text", ["天然气", "房屋业主", "取消房贷", "突然气味很大", "人事政策"])
def test_words_that_only_look_like_slips_stay(text: str) -> None:
    """A right word is left as it is."""
    assert normalise(text).text == text
