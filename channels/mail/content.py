"""What a mail says and what is attached to it, through all its parts."""

import mimetypes
from collections.abc import Iterator
from dataclasses import dataclass, field
from email.message import Message as Mail
from typing import Final

from channels.body import speaks
from channels.errors import Unparsable
from channels.mail.charsets import clean, decode
from channels.mail.headers import as_sent, words
from channels.mail.pages import words_of_page
from channels.message import Part

_MOST_PARTS: Final = 200
_DEEPEST: Final = 20
_LONGEST_HTML: Final = 2_000_000


@dataclass(slots=True)
class Content:
    """The words of the body, and the files in the order in which they came."""

    text: str = ""
    files: list[Part] = field(default_factory=list)


def read_content(mail: Mail) -> Content:
    """Return the content; raise `Unparsable` where it is nested or cut up beyond reading."""
    content = Content()
    content.text = _Reading(content.files).text_of(mail).strip()
    return content


@dataclass(slots=True)
class _Reading:
    files: list[Part]
    seen: int = 0

    def text_of(self, part: Mail, depth: int = 0) -> str:
        """Return the words of a part and of those inside it; what else there is are files."""
        self.seen += 1
        if self.seen > _MOST_PARTS or depth > _DEEPEST:
            raise Unparsable(f"more than {_MOST_PARTS} parts, or nested more than {_DEEPEST} deep")
        kind = part.get_content_type()
        if _is_file(part, kind):
            self._keep(part, kind)
            return ""
        if not part.is_multipart():
            return self._words(part, kind)
        texts = [(inner, self.text_of(inner, depth + 1)) for inner in _inside(part)]
        if kind == "multipart/alternative":
            return _best(texts)
        return "\n\n".join(text for _, text in texts if speaks(text))

    def _words(self, part: Mail, kind: str) -> str:
        text = decode(_bytes_of(part), part.get_param("charset", None) and _charset(part))
        if kind != "text/html":
            return text
        if len(text) > _LONGEST_HTML:
            self.files.append(Part("正文.html", text.encode()))
        return clean(words_of_page(text[:_LONGEST_HTML]))

    def _keep(self, part: Mail, kind: str) -> None:
        content = _bytes_of(part)
        if content:
            self.files.append(Part(_file_name(part, kind, len(self.files) + 1), content))


def _is_file(part: Mail, kind: str) -> bool:
    if kind.startswith("message/"):
        return True
    if kind.startswith("multipart/"):
        return False
    named = _named(part) is not None or part.get_content_disposition() == "attachment"
    return named or kind not in {"text/plain", "text/html"}


def _named(part: Mail) -> str | None:
    try:
        return part.get_filename()
    except (ValueError, LookupError):  # its charset is no name of one
        return ""


def _inside(part: Mail) -> Iterator[Mail]:
    for inner in part.get_payload():
        if isinstance(inner, Mail):
            yield inner


def _best(texts: list[tuple[Mail, str]]) -> str:
    """Return the first of the same words in several forms that has any: plain before HTML."""
    spoken = [(part.get_content_type() != "text/plain", text) for part, text in texts]
    return next((text for _, text in sorted(spoken, key=lambda item: item[0]) if speaks(text)), "")


def _bytes_of(part: Mail) -> bytes:
    if part.is_multipart():  # a mail inside a mail
        return b"".join(inner.as_bytes() for inner in _inside(part))
    content = part.get_payload(decode=True)
    return content if isinstance(content, bytes) else b""


def _charset(part: Mail) -> str | None:
    named = part.get_param("charset")
    return named if isinstance(named, str) else None


def _file_name(part: Mail, kind: str, number: int) -> str:
    if name := words(_named(part) or ""):
        return name
    if kind == "message/rfc822":
        inner = next(_inside(part), None)
        subject = words(as_sent(inner, "subject")) if inner is not None else ""
        return f"{subject or number}.eml"
    return f"{number}{mimetypes.guess_extension(kind) or ''}"
