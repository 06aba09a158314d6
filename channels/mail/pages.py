"""The words of an HTML body, line by line as they are shown."""

import re
from typing import Final

from lxml import etree

_SILENT: Final = frozenset({"script", "style", "title", "template"})
_LINES: Final = frozenset(
    ("address", "article", "aside", "blockquote", "body", "br", "center", "dd", "details", "div",
     "dl", "dt", "fieldset", "figure", "footer", "form", "h1", "h2", "h3", "h4", "h5", "h6",
     "header", "hr", "li", "main", "nav", "ol", "option", "p", "pre", "section", "table", "tr",
     "ul")
)  # fmt: skip
_CELLS: Final = frozenset({"td", "th"})
_SPACES: Final = re.compile(r"[^\S\n]+")
_MANY_LINES: Final = re.compile(r" ?\n[ \n]*")


class _Words:
    """What the parser tells, one tag and one piece of text after another."""

    def __init__(self) -> None:
        self._pieces: list[str] = []
        self._silent = 0

    def start(self, tag: str, _attributes: object) -> None:
        self._silent += tag in _SILENT
        self._break_at(tag)

    def end(self, tag: str) -> None:
        self._silent -= tag in _SILENT
        self._break_at(tag)

    def data(self, text: str) -> None:
        if not self._silent:
            self._pieces.append(" ".join(text.split("\n")))

    def close(self) -> str:
        text = _SPACES.sub(" ", "".join(self._pieces))
        return _MANY_LINES.sub("\n", text).strip()

    def _break_at(self, tag: str) -> None:
        if tag in _LINES:
            self._pieces.append("\n")
        elif tag in _CELLS:
            self._pieces.append(" ")


def words_of_page(page: str) -> str:
    """Return the words; what the page says of its charset is not asked: it is decoded already."""
    parser = etree.HTMLParser(
        target=_Words(), encoding="utf-8", huge_tree=True, no_network=True, remove_comments=True
    )
    parser.feed(page.encode())
    return str(parser.close())
