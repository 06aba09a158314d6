"""What was said in calls, line by line: masked over the borders of lines."""

from hypothesis import given
from hypothesis import strategies as st

from channels.call import Party, Segment
from gateway.intake.call_transcripts import masked_lines
from gateway.intake.masking import PHONE, mask


def _segments(*texts: str) -> list[Segment]:
    return [
        Segment(number, Party.CITIZEN, text, number * 2.0, number * 2.0 + 1.5, None, True)
        for number, text in enumerate(texts)
    ]


def test_a_number_over_two_lines_is_masked() -> None:
    """Somebody who dictates a number in two breaths is masked all the same, in the first line."""
    lines = masked_lines(_segments("我的电话是幺三九幺幺幺幺", "二二二二,楼上漏水"))
    assert [line.text for line in lines] == [f"我的电话是{PHONE}", ",楼上漏水"]


@given(st.lists(st.text("停水0139幺三九, ", max_size=14), max_size=6))
def test_lines_say_what_is_masked_as_a_whole(texts: list[str]) -> None:
    """Whatever is said, the lines hold the words of the whole masked text, each once, in order."""
    whole = mask(",".join(text.strip() for text in texts)).text
    place = 0
    lines = masked_lines(_segments(*texts))
    assert len(lines) == len(texts)
    for line in lines:
        found = whole.find(line.text, place)
        assert found >= 0
        place = found + len(line.text)
    assert sum(len(line.text) for line in lines) >= len(whole) - len(texts)
