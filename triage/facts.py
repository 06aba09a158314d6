"""Plain facts that a text tells beside its matter: times, phones, parts of an address, whether now.

They decide nothing here; an agent sees them, and a conversation asks for what is missing.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

_COUNT = r"(?:\d+|[零〇一二两三四五六七八九十百半几多]+)"
_DAY = r"(?:今天|今儿个?|今早|今晚|今晨|昨天|昨儿个?|昨晚|昨夜|前天|前儿个?|大前天|明天|后天)"
_PART = r"(?:凌晨|清晨|早上|早晨|一早|上午|中午|下午|傍晚|晚上|夜里|半夜|深夜)"
_CLOCK = rf"{_COUNT}[点时](?:{_COUNT}分|半|一刻|三刻|多|整)?"
_WEEK = (
    r"(?:上上?个?|这个?|本|下个?)(?:周|星期|礼拜)[一二三四五六日天]?|"
    r"(?:周|星期|礼拜)[一二三四五六日天]"
)
_DATE = (
    rf"(?:\d{{4}}|[零〇一二三四五六七八九]{{4}})年(?:{_COUNT}月)?(?:{_COUNT}[日号])?|"
    rf"(?:去年|今年|前年|明年)(?:{_COUNT}月)?(?:{_COUNT}[日号])?|{_COUNT}月(?:份|{_COUNT}[日号])?|{_COUNT}号(?!楼|院|线|门|房|机|店|地|工)"
)
_LASTING = (
    rf"(?:连续|一连|已经|持续|整整|足足|都|快|将近|大概)?{_COUNT}个?(?:多|来)?"
    r"(?:分钟|小时|钟头|天|晚上|宿|星期|礼拜|周|个?月|年)(?:多|了|来)*"
)
_TIME = re.compile(
    rf"(?:{_DAY}|{_WEEK}|{_DATE})?(?:{_PART}){_CLOCK}|(?:{_DAY}|{_WEEK}|{_DATE}){_PART}?(?:{_CLOCK})?|刚才|刚刚|方才"
)
_FOR = re.compile(_LASTING)
_PHONE = re.compile(r"(?<!\d)(?:1[3-9]\d{9}|0\d{2,3}-?\d{7,8}|[2-8]\d{7})(?!\d)")
_ADDRESS = re.compile(
    rf"[\u4e00-\u9fff]{{2,8}}?(?:小区|家园|嘉园|花园|公寓|大院|胡同|大厦|广场|市场|大街|东里|西里|南里|北里)|"
    rf"(?:\d+|[一二三四五六七八九十]+)(?:号楼|栋|号院|单元|室|层|楼|排)|[\u4e00-\u9fff]{{2,6}}?[路街]{_COUNT}号"
)
_NOW = re.compile(
    r"现在|正在|这会儿|此刻|眼下|还在|刚才|刚刚|马上|快来|赶紧来|正[^常式好确规月经]|着呢|呢(?=[,。!?]|$)"
)
_OVER = re.compile(
    r"已经(?:修好|解决|处理|恢复|通了)|修好了|好了|上次|上回|那天|那次|当时|去年|前年|以前|小时候|曾经|早年|后来"
)


class FactKind(StrEnum):
    """What a fact is about."""

    TIME = "time"
    LASTING = "lasting"
    PHONE = "phone"
    ADDRESS = "address"


@dataclass(frozen=True, slots=True)
class Fact:
    """[start, end) of the normalised text tells a fact of that kind."""

    kind: FactKind
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Facts:
    """All facts in the order of the text; `now` is None where the text does not tell."""

    told: tuple[Fact, ...]
    now: bool | None


_PATTERNS: Final = (
    (FactKind.PHONE, _PHONE),
    (FactKind.ADDRESS, _ADDRESS),
    (FactKind.TIME, _TIME),
    (FactKind.LASTING, _FOR),
)


def facts_of(text: str) -> Facts:
    """The facts of a normalised text; where two overlap, the first kind of `_PATTERNS` stands."""
    return Facts(tuple(sorted(_found(text), key=lambda fact: fact.start)), _is_now(text))


def _found(text: str) -> Iterator[Fact]:
    taken: set[int] = set()
    for kind, pattern in _PATTERNS:
        for match in pattern.finditer(text):
            place = range(*match.span())
            if taken.isdisjoint(place):
                taken.update(place)
                yield Fact(kind, *match.span())


def _is_now(text: str) -> bool | None:
    now, over = len(_NOW.findall(text)), len(_OVER.findall(text))
    return None if now == over else now > over
