"""Whether what was found is the answer: said only where that is nearly sure.

For it speaks how well the best entry fits; against it, how much the text says: whoever tells more
wants more than an answer. Both are weighed by a logistic curve that was fitted on one half of the
labelled questions; `docs/knowledge.md` has the figures of the other half. Where another entry fits
about as well, neither is told.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from math import exp, log
from typing import Final

from gateway.knowledge.entries import Entry
from gateway.knowledge.index import Found

SURE_FROM: Final = 0.85
_BIAS, _SCORE, _LENGTH = -1.68, 16.24, -2.11
_LEAST_MARGIN: Final = 0.05
"""So far must the next entry's score be behind."""
_MOST_ASKED: Final = 200
_ELSEWHERE: Final = re.compile(
    "天津|河北|山西|内蒙古|辽宁|吉林|黑龙江|上海|江苏|浙江|安徽|福建|江西|山东|河南|湖北|湖南|广东|广西|海南|重庆"
    "|四川|贵州|云南|西藏|陕西|甘肃|青海|宁夏|新疆|香港|澳门|台湾|广州|深圳|杭州|南京|苏州|成都|武汉|西安|长沙|郑州"
    "|青岛|沈阳|大连|哈尔滨|石家庄|太原|济南|合肥|福州|厦门|昆明|南宁|贵阳|兰州|海口|老家"
)
_HERE: Final = re.compile("北京|在京|本市")


@dataclass(frozen=True, slots=True)
class Answer:
    """What may be told on the spot, and how sure it is that it answers the question."""

    entry: Entry
    probability: float


def answer_among(text: str, found: Sequence[Found]) -> Answer | None:
    """Return the answer, if one of the entries found, the best first, is nearly surely it."""
    if not may_be_answered(text, found):
        return None
    weighed = _BIAS + _SCORE * found[0].score + _LENGTH * log(len(text))
    probability = 1 / (1 + exp(-weighed))
    return Answer(found[0].entry, probability) if probability >= SURE_FROM else None


def may_be_answered(text: str, found: Sequence[Found]) -> bool:
    """Whether the text is short, asks of this city, and one entry fits better than all others."""
    if not found or not 0 < len(text) <= _MOST_ASKED:
        return False
    if len(found) > 1 and found[0].score - found[1].score < _LEAST_MARGIN:
        return False
    return not _is_elsewhere(text, found[0].entry)


def _is_elsewhere(text: str, entry: Entry) -> bool:
    """Whether it asks of another place than the entry tells of."""
    if _HERE.search(text):
        return False
    named = set(_ELSEWHERE.findall(text))
    return bool(named - set(_ELSEWHERE.findall("\n".join(entry.content.phrasings))))
