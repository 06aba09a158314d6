"""Finding entries: by words and by meaning, and never one that does not hold on the day."""

from datetime import date, timedelta

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.knowledge.entries import Entry
from gateway.knowledge.index import Index, Prepared
from gateway.knowledge.seed import shipped_entries
from gateway.knowledge.suggesting import answer_among
from gateway.knowledge.words import Terms, count_terms, terms_of
from tests.knowledge.conftest import START, content
from tests.knowledge.judged import DAY, encoder, found_for, seeded

SHIPPED = dict(shipped_entries())
HOLDING = [name for name, item in SHIPPED.items() if item.valid_to is None]


def small(*items: tuple[str, date | None, date | None]) -> Index:
    """An index of a few questions with the days on which they hold, by words alone."""
    terms = Terms()
    entries = []
    for question, since, until in items:
        one = content(question, since=since, until=until)
        entries.append(
            Prepared(Entry(question, 1, one, False, START, "chief"), count_terms(one, terms), None)
        )
    return Index(entries, terms)


@pytest.mark.parametrize("name", HOLDING)
def test_each_way_of_asking_finds_its_entry_first(name: str) -> None:
    """Whoever asks as the entry has it gets the entry, before all others."""
    for phrasing in SHIPPED[name].phrasings:
        assert found_for(phrasing)[0].entry.id == name


def test_meaning_finds_what_has_no_word_in_common() -> None:
    """A question in other words is found by what it means, if only by little."""
    index, text = seeded(), "嗓子疼看大夫"
    vector = encoder().read(text)
    with_meaning = {found.entry.id for found in index.search(text, vector, DAY, 10)}
    by_words = {found.entry.id for found in index.search(text, None, DAY, 10)}
    assert with_meaning - by_words


def test_without_an_encoder_words_alone_find() -> None:
    """A bundle without encoder leaves the search by words."""
    found = seeded().search("暖气几号开始供", None, DAY, 3)
    assert found[0].entry.id == "heating-season"


def test_nothing_in_common_finds_nothing_by_words() -> None:
    """A text of other letters finds no entry."""
    assert seeded().search("xyzzy", None, DAY, 5) == []
    assert Index([], Terms()).search("暖气", None, DAY, 5) == []


@given(text=st.text(max_size=400), most=st.integers(1, 100))
@settings(max_examples=60, deadline=None)
def test_any_text_is_searched(text: str, most: int) -> None:
    """Whatever is typed, entries come the best first, no more than were asked for, each once."""
    found = seeded().search(text, encoder().read(text), DAY, most)
    scores = [item.score for item in found]
    assert scores == sorted(scores, reverse=True)
    assert len(found) <= most
    assert len({item.entry.id for item in found}) == len(found)
    assert all(np.isfinite(scores))
    answer = answer_among(text, found)
    assert answer is None or answer.entry is found[0].entry


@given(day=st.dates(date(2022, 1, 1), date(2027, 12, 31)))
@settings(max_examples=60, deadline=None)
def test_only_what_holds_on_the_day_is_found(day: date) -> None:
    """On any day, no entry is found before its first day or after its last."""
    text = "安贞广场粉黛乱子草什么时候开,2023年随迁子女高职怎么申请"
    found = seeded().search(text, encoder().read(text), day, 200)
    assert all(item.entry.holds_on(day) for item in found)
    assert len(found) >= len(HOLDING) // 2


def test_the_first_and_the_last_day_are_its_own() -> None:
    """An entry is found from its first day to its last, both included."""
    first, last = date(2026, 10, 1), date(2026, 10, 31)
    index = small(("粉黛乱子草在哪里看", first, last), ("公园几点开门", None, None))
    one = timedelta(days=1)
    for day, holds in ((first - one, False), (first, True), (last, True), (last + one, False)):
        assert bool(index.search("粉黛乱子草", None, day, 5)) is holds


def test_terms_are_words_and_pairs() -> None:
    """Pairs of characters stand beside words; width and traditional forms do not matter."""
    assert {"供暖", "_供暖", "_几号"} <= set(terms_of("几号供暖?"))
    assert terms_of("１２３４５熱線") == terms_of("12345热线")


class TestSuggesting:
    """An answer is told where it is nearly sure, and else nothing."""

    @pytest.mark.parametrize(
        "text",
        ["", "你好", "暖气", "广州的限行规定是什么", "上海几号供暖", "北京几号供暖" + "啊" * 200],
    )
    def test_nothing_is_told_of_what_is_not_asked(self, text: str) -> None:
        """A greeting, a single word, another city's matter, a long story: no answer."""
        assert answer_among(text, found_for(text) if text else []) is None

    def test_what_is_asked_is_answered(self) -> None:
        """A short question that one entry has is answered by it."""
        answer = answer_among("北京几号供暖", found_for("北京几号供暖"))
        assert answer is not None
        assert answer.entry.id == "heating-season"
        assert 0.85 <= answer.probability <= 1

    def test_of_two_that_fit_alike_neither_is_told(self) -> None:
        """Where another entry fits about as well, the choice is the citizen's."""
        index = small(("北京几号供暖", None, None), ("北京几号供暖呢", None, None))
        found = index.search("北京几号供暖", None, DAY, 2)
        assert answer_among("北京几号供暖", found) is None
        assert answer_among("北京几号供暖", found[:1]) is not None

    def test_where_somebody_comes_from_is_not_what_they_ask_of(self) -> None:
        """Who names another province and this city asks of this city."""
        text = "河北人在北京怎么办居住证"
        answer = answer_among(text, found_for(text))
        assert answer is not None
        assert answer.entry.id == "residence-permit"
