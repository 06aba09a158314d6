"""The entries that ship."""

from gateway.knowledge.seed import shipped_entries
from tests.dispatch.line import shipped_pipeline

SHIPPED = dict(shipped_entries())


def test_there_are_enough_on_many_matters() -> None:
    """Three dozen at least, of most topics, and no id twice."""
    assert len(SHIPPED) >= 36
    assert len(SHIPPED) == sum(1 for _ in shipped_entries())
    assert len({item.topic for item in SHIPPED.values()}) >= 12


def test_each_names_a_unit_that_there_is() -> None:
    """Whose business it is can be looked up."""
    assert {item.unit for item in SHIPPED.values()} <= set(shipped_pipeline().catalogue.units)


def test_each_can_be_asked_otherwise_and_says_where_it_comes_from() -> None:
    """No entry has fewer than three other ways of asking, none is without source or answer."""
    for name, item in SHIPPED.items():
        assert len(item.asks) >= 3, name
        assert len(set(item.phrasings)) == len(item.phrasings), name
        assert item.answer.strip() == item.answer, name
        assert len(item.answer) >= 20, name
        assert item.source.title, name
        assert item.source.url is None or item.source.url.startswith("https://"), name


def test_no_way_of_asking_stands_in_two_entries() -> None:
    """What is asked in the same words has one answer."""
    every = [phrasing for item in SHIPPED.values() for phrasing in item.phrasings]
    assert len(set(every)) == len(every)
