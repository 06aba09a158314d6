"""Tokens in place of people's numbers and names, with a map for every span that points inside."""

import re
from dataclasses import dataclass
from typing import Final

from stdnum import luhn
from stdnum.cn import ric

PHONE: Final = "[电话]"
IDENTITY: Final = "[身份证号]"
CARD: Final = "[银行卡号]"
NAME: Final = "[诉求人]"

# One character to one character, so that positions stay: full-width and spoken digits.
_DIGITS: Final = str.maketrans(
    "０１２３４５６７８９零〇幺一二三四五六七八九Ｘｘ－　",
    "0123456789001123456789XX- ",
)
_IDENTITY: Final = re.compile(
    r"(?<!\d)[1-9]\d{5}[ -]?(?:19|20)\d{2}[ -]?(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])"
    r"[ -]?\d{3}[\dXx](?!\d)"
)
_MOBILE: Final = re.compile(r"(?<!\d)(?:\+?86[ -]?)?1[3-9]\d[ -]?\d{4}[ -]?\d{4}(?!\d)")
_LANDLINE: Final = re.compile(
    r"(?<!\d)(?:\(0\d{2,3}\)|（0\d{2,3}）|0\d{2,3}[ -]?)[2-9]\d{2,3}[ -]?\d{4}(?!\d)"
)
_CARD: Final = re.compile(r"(?<!\d)\d{4}(?:[ -]?\d{4}){2,3}(?:[ -]?\d{1,3})?(?!\d)")
_ANY_NUMBER: Final = re.compile(r"\d[\d \-()（）]{8,}")


@dataclass(frozen=True, slots=True)
class Masked:
    """A text with tokens, and where in the original each token stands."""

    text: str
    spans: tuple[tuple[int, int, str], ...] = ()
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
            if position < end or (position == end and start == end):
                break
            shift += len(token) - (end - start)
        return position + shift


def mask(text: str, name: str | None = None) -> Masked:
    """Replace phone, identity and card numbers and the reporter's name by tokens."""
    found: list[tuple[int, int, str]] = []
    plain = text.translate(_DIGITS)
    if _ANY_NUMBER.search(plain):
        found += [(*match.span(), IDENTITY) for match in _IDENTITY.finditer(plain)]
        found += [(*match.span(), PHONE) for match in _MOBILE.finditer(plain)]
        found += [
            (*match.span(), CARD)
            for match in _CARD.finditer(plain)
            if luhn.is_valid(re.sub(r"\D", "", match.group()))
        ]
        found += [(*match.span(), PHONE) for match in _LANDLINE.finditer(plain)]
    if name and len(name) > 1 and name in text:
        found += [(*match.span(), NAME) for match in re.finditer(re.escape(name), text)]
    return _replace(text, found) if found else Masked(text)


def _replace(text: str, found: list[tuple[int, int, str]]) -> Masked:
    """Put the tokens in; where two finds overlap, the first one listed stays."""
    kept: list[tuple[int, int, str]] = []
    for span in found:
        if all(span[1] <= start or end <= span[0] for start, end, _ in kept):
            kept.append(span)
    kept.sort()
    parts, last = [], 0
    for start, end, token in kept:
        parts += [text[last:start], token]
        last = end
    return Masked("".join([*parts, text[last:]]), tuple(kept))


def numbers_in(text: str) -> list[tuple[str, str]]:
    """Return the phone and identity numbers of a text as `(kind, normal form)`, for the index."""
    plain = text.translate(_DIGITS)
    if not _ANY_NUMBER.search(plain):
        return []
    identities = [
        ("identity", normal_identity(match.group())) for match in _IDENTITY.finditer(plain)
    ]
    phones = [("phone", normal_phone(match.group())) for match in _MOBILE.finditer(plain)]
    return [*identities, *phones]


def normal_phone(number: str) -> str:
    """Return the number's digits without a country prefix, so that spellings meet."""
    digits = re.sub(r"\D", "", number.translate(_DIGITS))
    return digits[2:] if len(digits) == 13 and digits.startswith("86") else digits


def normal_identity(number: str) -> str:
    """Return the identity number in compact form with a capital X."""
    return str(ric.compact(number.translate(_DIGITS))).replace("-", "").upper()
