"""What a reply quotes of earlier mails, cut off: the earlier mails are on the ticket already."""

import re
from typing import Final

from channels.body import speaks

_REPLY: Final = re.compile(r"\s*(?:re|aw|回复|答复|回覆)\s*(?:\[\d+\])?\s*[:：]", re.IGNORECASE)
_RULED: Final = re.compile(
    r"[-_—\s]{2,}(?:原始邮件|原邮件|原始信息|回复的原邮件|original(?: message)?)[-_—\s]{2,}",
    re.IGNORECASE,
)
_WROTE: Final = re.compile(
    r"(?=.*\d{4})(?=.*(?:@|\d[:：]\d\d))"
    r"(?:on|at|在|于|周.|星期.|\d{4}|.{0,80}<\S+@\S+>).*(?:wrote|写道)\s*[:：]",
    re.IGNORECASE,
)
_WROTE_BEGINS: Final = re.compile(r"(?:on|at|在|于|周.|星期.|\d{4})", re.IGNORECASE)
_FROM: Final = re.compile(r"\*?(?:发件人|from)\s*\*?\s*[:：]", re.IGNORECASE)
_BESIDE_FROM: Final = re.compile(
    r"\*?(?:发送时间|发送日期|日期|时间|收件人|主题|sent|date|to|subject)\s*\*?\s*[:：]",
    re.IGNORECASE,
)
_HEAD_LINES: Final = 5
_RULER: Final = " \t_-=—"


def is_reply(subject: str) -> bool:
    """Return whether the subject is that of a reply."""
    return _REPLY.match(subject) is not None


def without_history(text: str) -> str:
    """Return what a reply says itself; all of it where it seems to say nothing itself."""
    lines = text.split("\n")
    end = next((at for at in range(len(lines)) if _history_begins(lines, at)), len(lines))
    own = [line for line in lines[:end] if not line.lstrip().startswith(">")]
    while own and not own[-1].strip(_RULER):
        own.pop()
    kept = "\n".join(own).strip()
    return kept if speaks(kept) else text


def _history_begins(lines: list[str], at: int) -> bool:
    line = lines[at].strip()
    if _RULED.fullmatch(line) or _WROTE.fullmatch(line):
        return True
    if _WROTE_BEGINS.match(line):  # the sentence may be folded
        return _WROTE.fullmatch(" ".join([line, *_following(lines, at, 1)])) is not None
    if _FROM.match(line):
        return any(_BESIDE_FROM.match(other) for other in _following(lines, at, _HEAD_LINES))
    return False


def _following(lines: list[str], at: int, number: int) -> list[str]:
    return [line.strip() for line in lines[at + 1 : at + 1 + number]]
