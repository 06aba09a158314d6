"""Sentences in time: cut where the model sets stops, as a whole where its tokens do not help."""

from hypothesis import given
from hypothesis import strategies as st

from gateway.intake.media.speech import sentences


def test_each_sentence_begins_with_its_first_word() -> None:
    """The first one begins with the piece, pauses before it included."""
    text = "我家停水了。从昨天起!没人管"
    times = [1.0 + 0.5 * place for place in range(len(text))]
    found = list(sentences(text, list(text), times))
    assert found == [("我家停水了。", 0.0), ("从昨天起!", 4.0), ("没人管", 6.5)]


def test_tokens_of_several_letters() -> None:
    """Pieces of words as models have them, with their mark of a space."""
    found = list(
        sentences("WIFI 坏了。 修", ["▁WI", "FI", "坏", "了", "。", "修"], [0, 1, 2, 3, 4, 5])
    )
    assert found == [("WIFI 坏了。", 0.0), ("修", 5)]


def test_what_the_tokens_do_not_spell_has_one_time() -> None:
    """A model that writes numbers anew, or gives no times: the piece is one line."""
    assert list(sentences("12号。停水", list("十二号。停水"), [0.0] * 6)) == [("12号。停水", 0.0)]
    assert list(sentences("停水。停电", list("停水。停电"), [])) == [("停水。停电", 0.0)]
    assert list(sentences(" ", [], [])) == []


@given(st.text("停水 。?!▁a", max_size=20), st.booleans())
def test_no_word_is_lost(text: str, timed: bool) -> None:
    """Whatever is said, the lines say it, in order, none of them empty or broken in two."""
    found = list(sentences(text, list(text), [float(n) for n in range(len(text))] if timed else []))
    assert all(line and "\n" not in line for line, _ in found)
    said = "".join(line for line, _ in found)
    assert said.replace(" ", "") == text.replace("▁", "").replace(" ", "")
    starts = [at for _, at in found]
    assert starts == sorted(starts)
