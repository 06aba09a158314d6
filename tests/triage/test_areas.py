"""Places: longest first, no contradiction resolved by guessing, none invented."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from triage.taxonomy import Catalogue


@pytest.mark.parametrize(
    ("text", "district", "street"),
    [
        ("我住海淀", "district-haidian", None),
        ("中关村这边", "district-haidian", "haidian-zhongguancun"),
        ("国贸桥下", "district-chaoyang", "chaoyang-jianwai"),
        ("朝阳路堵车", None, None),
        ("朝阳路在海淀吗", "district-haidian", None),
        ("老家辽宁朝阳，人在朝阳区", "district-chaoyang", None),
        ("海淀和朝阳都这样", None, None),
        ("海淀区和朝阳都这样", "district-haidian", None),
        ("中关村到国贸", None, None),
        ("和平楼漏水", None, None),
        ("朝阳和平楼漏水", "district-chaoyang", None),
        ("没有说在哪里", None, None),
    ],
)
def test_locates(catalogue: Catalogue, text: str, district: str | None, street: str | None) -> None:
    """The most and plainest mentions decide; level ones decide nothing."""
    place = catalogue.gazetteer.locate(text)
    assert (place.district, place.street) == (district, street)


@given(st.text("海淀朝阳区路国贸中关村在和", max_size=30))
def test_no_place_is_invented(catalogue: Catalogue, text: str) -> None:
    """A district needs a mention that stands in the text and belongs to it."""
    place = catalogue.gazetteer.locate(text)
    for mention in place.mentions:
        names = {name for area in mention.areas for name in (area.name, *area.aliases)}
        assert text[mention.start : mention.end] in names
    if place.district is not None:
        assert all(
            area.district == place.district for item in place.mentions for area in item.areas
        )
        assert place.mentions
