"""How firmly decisions stand when the same appeal is told a little differently."""

import re
from collections.abc import Callable, Mapping, Sequence
from random import Random
from typing import Final

from triage.decision import URGENCY, Decision
from triage.pipeline import Appeal, Pipeline, SourceText
from triage.text.traditional import SIMPLIFIED

Change = Callable[[str, Random], str]

_TRADITIONAL: Final = {simple: traditional for traditional, simple in SIMPLIFIED.items()}
_FULL_WIDTH: Final = {code: code + 0xFEE0 for code in range(0x21, 0x7F)}
_MARKS: Final = re.compile(r"[，。！？；：、,.!?;:…“”\"'‘’（）()《》—-]+")
_FILLERS: Final = ("嗯", "那个", "就是说", "啊", "呃", "这个")
_EVERY: Final = 14
_GREETINGS: Final = ("您好，我想反映一个情况。", "喂你好，是热线吗，", "尊敬的领导：")
_SIGNATURES: Final = (
    "此致敬礼，一位老市民，盼复。",
    "谢谢，麻烦您了！",
    "以上情况属实，请尽快回复。",
)
_QUOTED: Final = (
    "另外，昨晚电视里的老片子叫《爆炸倒计时》，和这件事没有关系。",
    "顺便说一句，孩子作文的题目是“着火的云”。",
    "书店门口的广告写着“价格跳楼”，我只是路过看到。",
)


def full_width(text: str, _: Random) -> str:
    """Letters, digits and signs in their full-width form."""
    return text.translate(_FULL_WIDTH)


def traditional(text: str, _: Random) -> str:
    """Characters in their traditional form, where one has one."""
    return text.translate(_TRADITIONAL)


def fillers(text: str, random: Random) -> str:
    """What a speaker says while thinking, every dozen characters or so."""
    pieces = [text[start : start + _EVERY] for start in range(0, len(text), _EVERY)]
    return "".join(piece + random.choice(_FILLERS) for piece in pieces[:-1]) + pieces[-1]


def unpunctuated(text: str, _: Random) -> str:
    """No marks at all, as a speech recogniser writes."""
    return _MARKS.sub("", text)


def greeted(text: str, random: Random) -> str:
    """With a greeting before it."""
    return random.choice(_GREETINGS) + text


def signed(text: str, random: Random) -> str:
    """With a close and a signature after it."""
    return f"{text}\n{random.choice(_SIGNATURES)}"


def quoted(text: str, random: Random) -> str:
    """With an alarm word in a quotation that has nothing to do with the matter."""
    return f"{text}\n{random.choice(_QUOTED)}"


CHANGES: Final[Mapping[str, Change]] = {
    change.__name__: change
    for change in (full_width, traditional, fillers, unpunctuated, greeted, signed, quoted)
}


def rates(pipeline: Pipeline, texts: Sequence[str], seed: int) -> dict[str, dict[str, float]]:
    """For every change, the share of texts whose tier, and whose unit, stay what they were.

    `raised` is the share whose tier went up, which a quotation must not do.
    """
    before = _decide(pipeline, texts)
    found = {}
    for name, change in CHANGES.items():
        random = Random(seed)
        after = _decide(pipeline, [change(text, random) for text in texts])
        pairs = list(zip(before, after, strict=True))
        found[name] = {
            "tier": _share([old.tier is new.tier for old, new in pairs]),
            "unit": _share([old.unit == new.unit for old, new in pairs]),
            "raised": _share([URGENCY[new.tier] > URGENCY[old.tier] for old, new in pairs]),
        }
    return found


def _decide(pipeline: Pipeline, texts: Sequence[str]) -> list[Decision]:
    return pipeline.decide_all([Appeal((SourceText("text", text),)) for text in texts])


def _share(flags: Sequence[bool]) -> float:
    return round(sum(flags) / len(flags), 4)
