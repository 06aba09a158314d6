"""Plain facts: times, phones, parts of an address, whether it is going on now."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from triage.facts import FactKind, facts_of
from triage.text.normalise import normalise


def told(text: str, kind: FactKind) -> list[str]:
    """The words of all facts of a kind."""
    normal = normalise(text).text
    return [normal[fact.start : fact.end] for fact in facts_of(normal).told if fact.kind is kind]


@pytest.mark.parametrize(
    ("text", "times"),
    [
        ("上周三下午三点就报修了", ["上周三下午三点"]),
        ("昨晚十点半开始没水", ["昨晚十点半"]),
        ("2024年5月3号交的钱", ["2024年5月3号"]),
        ("去年冬天也这样", ["去年"]),
        ("半夜两点还在打桩", ["半夜两点"]),
        ("住3号楼2单元", []),
    ],
)
def test_times_said(text: str, times: list[str]) -> None:
    """A point in time is found as it is said, house numbers are none."""
    assert told(text, FactKind.TIME) == times


@pytest.mark.parametrize(
    ("text", "spans"),
    [
        ("连续三天没有热水", ["连续三天"]),
        ("等了两个多小时", ["两个多小时"]),
        ("都快半个月了还不修", ["半个月了"]),
    ],
)
def test_how_long_it_lasts(text: str, spans: list[str]) -> None:
    """A length of time is told apart from a point."""
    found = told(text, FactKind.LASTING)
    assert len(found) == len(spans)
    assert all(span in one for span, one in zip(spans, found, strict=True))


def test_phone_and_address() -> None:
    """A number to call back and the parts of an address are found."""
    text = "我住幸福小区3号楼2单元501室，电话13800138000，或者010-62345678"
    assert told(text, FactKind.PHONE) == ["13800138000", "010-62345678"]
    assert {"3号楼", "2单元"} <= set(told(text, FactKind.ADDRESS))


@pytest.mark.parametrize(
    ("text", "now"),
    [
        ("水管现在还在往外喷水", True),
        ("上次漏水已经修好了，谢谢", False),
        ("想问一下社保卡怎么补", None),
    ],
)
def test_whether_it_is_going_on(text: str, now: bool | None) -> None:
    """What goes on, what is over, and what the text does not tell."""
    assert facts_of(normalise(text).text).now is now


@given(st.text("今昨天晚上三点半个月年号楼单元路街小区0123456789-现在呢", max_size=60))
def test_facts_never_overlap_and_lie_inside(text: str) -> None:
    """Every fact stands within the text, none in another."""
    facts = facts_of(text).told
    assert all(0 <= fact.start < fact.end <= len(text) for fact in facts)
    assert all(one.end <= other.start for one, other in pairwise(facts))
