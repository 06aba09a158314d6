"""Reasons marked in a text: whatever they span, the text stays, and each mark says its reasons."""

import itertools

from hypothesis import given
from hypothesis import strategies as st

from gateway.web.pages.agent.marking import Why, by_line, is_placed, marked, reasons_by_source

TEXTS = st.text(max_size=30)


@given(TEXTS, st.lists(st.tuples(st.integers(0, 40), st.integers(0, 40)), max_size=6))
def test_the_text_stays_and_every_character_knows_its_reasons(
    text: str, spans: list[tuple[int, int]]
) -> None:
    """Overlapping, nested, empty and too long spans: each character has those that hold it."""
    reasons = [Why(number, "tier", "因", *span) for number, span in enumerate(spans)]
    pieces = marked(text, reasons)
    assert "".join(piece.text for piece in pieces) == text
    placed = [why for why in reasons if is_placed(why, len(text))]
    place = 0
    for piece in pieces:
        assert piece.text
        for _ in piece.text:
            assert list(piece.reasons) == [w for w in placed if w.start <= place < w.end]
            place += 1
    assert all(a.reasons != b.reasons for a, b in itertools.pairwise(pieces))


def test_code_points_outside_the_first_plane() -> None:
    """Positions are code points, as triage counts them, not the units of scripts."""
    pieces = marked("😀𠮷煤气味很浓", [Why(1, "tier", "燃气", 2, 5)])
    assert [(piece.text, len(piece.reasons)) for piece in pieces] == [
        ("😀𠮷", 0), ("煤气味", 1), ("很浓", 0),
    ]  # fmt: skip


def test_a_reason_of_the_whole_text_marks_nothing() -> None:
    """What rests on no single place is listed, not marked."""
    [piece] = marked("停水", [Why(1, "unit", "模型", 0, 2)])
    assert piece.reasons == ()


def test_reasons_are_numbered_over_all_sources() -> None:
    """A reason has one number on the page, in whichever message or medium its place is."""
    given_reasons: list[dict[str, object]] = [
        {"kind": "tier", "text": "甲", "source": source, "start": 0, "end": 1}
        for source in ("a", "b", "a")
    ]
    found = reasons_by_source(given_reasons)
    assert {source: [why.number for why in whys] for source, whys in found.items()} == {
        "a": [1, 3], "b": [2],
    }  # fmt: skip


@given(st.text("停\n水", max_size=12), st.tuples(st.integers(0, 12), st.integers(0, 12)))
def test_lines_join_to_the_text_again(text: str, span: tuple[int, int]) -> None:
    """A mark that goes over the end of a line is on both lines."""
    lines = by_line(marked(text, [Why(1, "tier", "因", *span)]))
    assert ["".join(piece.text for piece in line) for line in lines] == text.split("\n")
