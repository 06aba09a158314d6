"""Bytes of a mail into words, also where the charset is named wrongly or not at all."""

import codecs
import unicodedata
from typing import Final

# GB18030 holds all of GB 2312 and GBK, and mails that name these use what only it has.
_CODECS: Final = {
    "gb2312": ("gb18030",),
    "gbk": ("gb18030",),
    "gb18030": ("gb18030",),
    "hz": ("hz",),
    "big5": ("cp950", "big5hkscs"),
    "big5hkscs": ("big5hkscs",),
    "cp950": ("cp950", "big5hkscs"),
    "utf-8": ("utf-8",),
    "utf-8-sig": ("utf-8-sig",),
    "utf-7": ("utf-7",),
    "utf-16": ("utf-16",),
    "iso2022_jp": ("iso2022_jp",),
    "shift_jis": ("cp932",),
    "euc_jp": ("euc_jp",),
    "euc_kr": ("cp949",),
    "koi8-r": ("koi8-r",),
}
_ALIASES: Final = {"x-gbk": "gbk", "gb_2312-80": "gb2312", "gb": "gb2312", "x-x-big5": "big5"}
_KEPT: Final = "\n\t"


def decode(content: bytes, declared: str | None) -> str:
    """Return the words: by the charset named, else UTF-8, else GB18030, else with marks.

    A charset of one byte a character is believed last: nearly any bytes would pass. There, only
    GB 2312 is tried before: an accented letter and the one behind it may look like GB18030.
    """
    name = _canonical(declared)
    is_western = name.startswith(("iso8859", "cp125"))
    named = _CODECS.get(name, ())
    for codec in (*named, "utf-8", "gb2312" if is_western else "gb18030"):
        try:
            return clean(content.decode(codec))
        except UnicodeError:
            continue
    return clean(content.decode("cp1252" if is_western else next(iter(named), "utf-8"), "replace"))


def clean(text: str) -> str:
    """Return the text with plain line ends, without controls or lone surrogates."""
    text = text.replace("\r\n", "\n").replace("\r", "\n").replace("\ufeff", "")
    text = text.encode("utf-8", "replace").decode()
    return "".join(c for c in text if c in _KEPT or unicodedata.category(c) != "Cc")


def _canonical(declared: str | None) -> str:
    name = (declared or "").strip("\"' ").lower()
    try:
        return codecs.lookup(_ALIASES.get(name, name)).name
    except (LookupError, ValueError, UnicodeError):
        return ""
