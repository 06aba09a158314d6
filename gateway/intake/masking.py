"""Tokens in place of people's numbers and names, with a map for every span that points inside."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from stdnum import luhn
from stdnum.cn import ric

PHONE: Final = "[电话]"
IDENTITY: Final = "[身份证号]"
CARD: Final = "[银行卡号]"
NAME: Final = "[诉求人]"
Span = tuple[int, int, str]

# One character to one character, so that positions stay.
_WRITTEN: Final = str.maketrans(
    "０１２３４５６７８９Ｘｘ（）＋－‐‑‒–—−　\u00a0\u2009\t",
    "0123456789Xx()+-------    ",
)
_SPOKEN: Final = str.maketrans("零〇幺一二三四五六七八九叉", "001123456789X")
_FEWEST_SPOKEN: Final = 3
"""So many spoken digits make a spoken number: 一 after a written one is only a word."""

_GAP: Final = "[ -]{0,3}"
_PAUSE: Final = "[ ,，、-]{0,2}"
_PREFIX: Final = rf"(?:(?:\+|00)?86{_GAP})?"


_DICTATED_GROUPS: Final = frozenset(
    {(3, 8), (7, 4), (3, 4, 4), (3, 3, 5), (3, 5, 3), (4, 3, 4), (4, 4, 3)}
)
"""Between these a comma may stand, as between lines of a call; no sum is grouped so."""


def _identity(gap: str) -> str:
    year = f"(?:1{gap}9|2{gap}0)"
    month = f"(?:0{gap}[1-9]|1{gap}[0-2])"
    day = f"(?:0{gap}[1-9]|[12]{gap}[0-9]|3{gap}[01])"
    digit = "[0-9]"
    area, order = ["[1-9]", *[digit] * 5], [*[digit] * 3, "[0-9Xx]"]
    return gap.join([*area, year, digit, digit, month, day, *order])


def _mobile(*groups: int) -> str:
    """Return the pattern of a mobile number that is written in groups of so many digits."""
    digits = iter(["1", "[3-9]", *["[0-9]"] * 9])
    between = "[ ,\uff0c\u3001-]{1,3}" if groups in _DICTATED_GROUPS else "[ -]{1,3}"
    return between.join("".join(next(digits) for _ in range(size)) for size in groups)


_MOBILE_GROUPS: Final = (
    (11,), (3, 8), (4, 7), (5, 6), (6, 5), (7, 4), (8, 3), (3, 4, 4), (3, 3, 5), (3, 5, 3),
    (4, 3, 4), (4, 4, 3), (5, 3, 3), (1,) * 11,
)  # fmt: skip
_ALONE: Final = r"(?<![0-9])(?:{})(?![0-9])"
_IDENTITY: Final = re.compile(_ALONE.format(_identity(_GAP)))
_MOBILE: Final = re.compile(
    _ALONE.format(_PREFIX + "(?:" + "|".join(_mobile(*sizes) for sizes in _MOBILE_GROUPS) + ")")
)
_LOCAL: Final = rf"{_GAP}[2-9][0-9]{{2,3}}{_GAP}[0-9]{{4}}"
_LANDLINE: Final = re.compile(
    _ALONE.format(
        rf"(?:{_PREFIX}(?:\(0[0-9]{{2,3}}\)|0[0-9]{{2,3}})|(?:\+|00)86{_GAP}[1-9][0-9]{{1,2}})"
        + _LOCAL
    )
)
_CALLED: Final = re.compile(
    r"(?:电话|座机|固话|致电|拨打|来电)[^0-9。!！?？\n]{0,6}([3-8][0-9]{3}[ -]?[0-9]{4})(?![0-9])"
)
"""A number without area code is one only where the words say so."""
_CARDS: Final = tuple(
    re.compile(rf"(?<![0-9])(?=({pattern})(?![0-9]))")
    for pattern in (
        rf"[3-69][0-9]{{3}}(?:{_GAP}[0-9]{{4}}){{3}}",
        rf"[3-69][0-9]{{3}}(?:{_GAP}[0-9]{{4}}){{3}}{_GAP}[0-9]{{1,3}}",
        "[3-69][0-9]{5}[ -][0-9]{10,13}",
        "[3-69](?:[ -][0-9]){15,18}",
    )
)
"""Tried at every place: 16 to 19 digits that begin as cards do; the check digit decides."""
_SPOKEN_NUMBERS: Final = (
    (re.compile(_identity(_PAUSE)), IDENTITY),
    (re.compile(_PAUSE.join(["1", "[3-9]", *["[0-9]"] * 9])), PHONE),
    (re.compile(_PAUSE.join(["0", "[1-9]", "[0-9]", *["[0-9]"] * 8])), PHONE),
)
_SPOKEN_DIGIT: Final = re.compile("[零〇幺一二三四五六七八九]")
_DIGITS: Final = "0-9０-９零〇幺一二三四五六七八九"
_ANY_NUMBER: Final = re.compile(
    rf"[{_DIGITS}][{_DIGITS} \-(),，、+（）＋－‐‑‒–—−　\u00a0\u2009\t]{{7,}}"
)
"""Eight characters of which a number may consist; most texts have none and are done."""


@dataclass(frozen=True, slots=True)
class Masked:
    """A text with tokens, and where in the original each token stands."""

    text: str
    spans: tuple[Span, ...] = ()
    """Start and end in code points of the original, and the token; ordered, disjoint."""

    def move(self, start: int, end: int) -> tuple[int, int]:
        """Return the span in the masked text; one that touches a token covers it whole."""
        return self._move(start, at_end=False), self._move(end, at_end=True)

    def _move(self, position: int, *, at_end: bool) -> int:
        shift = 0
        for start, end, token in self.spans:
            inside = start < position < end
            if inside:
                return start + shift + (len(token) if at_end else 0)
            if position < end:
                break
            shift += len(token) - (end - start)
        return position + shift


def mask(text: str, name: str | None = None) -> Masked:
    """Replace phone, identity and card numbers and the reporter's name by tokens."""
    found = _numbers(text)
    if name and len(name) > 1 and name in text:
        found += [(*match.span(), NAME) for match in re.finditer(re.escape(name), text)]
    return _replace(text, _joined(found)) if found else Masked(text)


def _numbers(text: str) -> list[Span]:
    """Find the numbers as they are written, then those that were spoken digit by digit."""
    if not _ANY_NUMBER.search(text):
        return []
    written = text.translate(_WRITTEN)
    spoken = written.translate(_SPOKEN)
    found = list(_written_numbers(written))
    return found if spoken == written else [*found, *_spoken_numbers(text, spoken)]


def _written_numbers(written: str) -> Iterator[Span]:
    for match in _IDENTITY.finditer(written):
        yield *match.span(), IDENTITY
    for pattern in _CARDS:
        for match in pattern.finditer(written):
            if luhn.is_valid(re.sub("[ -]", "", match[1])):
                yield *match.span(1), CARD
    for pattern in (_MOBILE, _LANDLINE):
        for match in pattern.finditer(written):
            yield *match.span(), PHONE
    for match in _CALLED.finditer(written):
        yield *match.span(1), PHONE


def _spoken_numbers(text: str, spoken: str) -> Iterator[Span]:
    for pattern, token in _SPOKEN_NUMBERS:
        for match in pattern.finditer(spoken):
            if len(_SPOKEN_DIGIT.findall(text, *match.span())) >= _FEWEST_SPOKEN:
                yield *match.span(), token


def _joined(found: list[Span]) -> list[Span]:
    """Return the spans in order; where some overlap, one over all with the token found first."""
    joined: list[tuple[int, int, int]] = []
    for start, end, rank in sorted((*span[:2], place) for place, span in enumerate(found)):
        if joined and start < joined[-1][1]:
            first, last, other = joined.pop()
            joined.append((first, max(last, end), min(other, rank)))
        else:
            joined.append((start, end, rank))
    return [(start, end, found[rank][2]) for start, end, rank in joined]


def _replace(text: str, spans: list[Span]) -> Masked:
    parts, last = [], 0
    for start, end, token in spans:
        parts += [text[last:start], token]
        last = end
    return Masked("".join([*parts, text[last:]]), tuple(spans))


def numbers_in(text: str) -> list[tuple[str, str]]:
    """Return the phone and identity numbers of a text as `(kind, normal form)`, for the index."""
    found = []
    for start, end, token in _joined(_numbers(text)):
        if token == IDENTITY:
            found.append(("identity", normal_identity(text[start:end])))
        elif token == PHONE:
            found.append(("phone", normal_phone(text[start:end])))
    return found


def normal_phone(number: str) -> str:
    """Return the number's digits without a country prefix, so that spellings meet."""
    written = number.translate(_WRITTEN).translate(_SPOKEN)
    digits = re.sub("[^0-9]", "", written).removeprefix("00")
    if len(digits) < 12 or not digits.startswith("86"):
        return digits
    national = digits[2:]
    mobile = len(national) == 11 and national.startswith("1")
    return national if mobile or national.startswith("0") else f"0{national}"


def normal_identity(number: str) -> str:
    """Return the identity number in compact form with a capital X."""
    written = number.translate(_WRITTEN).translate(_SPOKEN)
    return str(ric.compact(re.sub("[^0-9Xx]", "", written))).upper()
