"""Bytes of a mail into words, also where the charset is named wrongly or not at all."""

import codecs
import unicodedata
from collections.abc import Iterator
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

    One byte a character is believed last, whatever was declared: nearly any bytes would pass.
    """
    for codec in (*_named(declared), "utf-8", "gb18030"):
        try:
            return clean(content.decode(codec))
        except UnicodeError:
            continue
    is_chinese = any(name.startswith(("gb", "cp950", "big5")) for name in _named(declared))
    if declared is None or is_chinese or _canonical(declared) == "utf-8":
        return clean(content.decode(next(_named(declared), "utf-8"), "replace"))
    return clean(content.decode("cp1252", "replace"))


def clean(text: str) -> str:
    """Return the text with plain line ends, without controls or lone surrogates."""
    text = text.replace("\r\n", "\n").replace("\r", "\n").replace("\ufeff", "")
    text = text.encode("utf-8", "replace").decode()
    return "".join(c for c in text if c in _KEPT or unicodedata.category(c) != "Cc")


def speaks(text: str) -> bool:
    """Return whether anything of the text is visible."""
    return any(unicodedata.category(char)[0] not in "ZC" for char in text)


def _named(declared: str | None) -> Iterator[str]:
    yield from _CODECS.get(_canonical(declared), ())


def _canonical(declared: str | None) -> str:
    name = (declared or "").strip("\"' ").lower()
    try:
        return codecs.lookup(_ALIASES.get(name, name)).name
    except (LookupError, ValueError, UnicodeError):
        return ""
