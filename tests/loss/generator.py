"""Composes appeals from the repository's own texts: every length, script and oddity, by seed."""

import json
import random
import string
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal

from stdnum.cn import ric

CORPUS: Final = Path(__file__).parents[2] / "training" / "corpus"
SOURCE: Final = "loss-proof"
"""The webhook's source name under which the generator's messages are signed."""
_LONGEST: Final = 40_000
_EACH_WEBHOOK: Final = 30
_EACH_UPLOAD: Final = 100
"""By number, not by dice: even a small run has both, whatever the corpus says today."""
_NAMES: Final = ("王建国", "欧阳小雨", "阿依古丽", "李", "O'Neill", "司马 光", "Ольга", "𠮷田")
_PLACES: Final = (
    "北一区七号楼东门",
    "环线辅路公交站牌旁",
    "4-2-501",
    "村委会后身的机井房",
    "№ 8 🏠",
)
_INSERTS: Final = (
    "\u200b", "\u200d", "\ufeff", "\u202e", "\u2028", "\u0301", "\U000e0041", "\ue000", "\ufffe",
    "😡", "👨‍👩‍👧‍👦", "🇨🇳", "\x07", "\x1b[31m", "\r\n", "\t", "\\u0000", "\\", '"', "'", "%s",
    "{0}", "</script>", "'; DROP TABLE tickets; --", "\U00020bb7", "ﷺ", "שלום", "สวัสดี", "𓀀",
    "１２３",
)  # fmt: skip
_KEY_ALPHABET: Final = string.ascii_letters + string.digits + "!#$%&'()*+,-./:;<=>?@[]^_`{|}~"
_FULL_WIDTH: Final = {code: code + 0xFEE0 for code in range(0x21, 0x7F)}


@dataclass(frozen=True, slots=True)
class Upload:
    """A file that goes with an appeal."""

    name: str
    content: bytes


@dataclass(frozen=True, slots=True)
class Send:
    """One request of a citizen; sent again and again, always the same, until it is accepted."""

    channel: Literal["api", "webhook"]
    key: str
    """Idempotency-Key, or the webhook's message_id."""
    body: dict[str, Any]
    files: tuple[Upload, ...] = ()

    @property
    def text(self) -> str:
        """What the citizen wrote; empty where only files were sent."""
        return str(self.body.get("text", ""))


@dataclass(frozen=True, slots=True)
class Story:
    """All that is sent about one ticket, in this order: one appeal, perhaps additions to it."""

    number: int
    sends: tuple[Send, ...]


def stories(count: int, seed: int) -> Iterator[Story]:
    """Yield that many tickets' stories, the same ones for the same seed."""
    composer = _Composer(seed)
    for number in range(count):
        yield composer.story(number)


class _Composer:
    """Keeps the texts and the dice."""

    def __init__(self, seed: int) -> None:
        self._dice = random.Random(seed)
        written = sorted((CORPUS / "written").glob("*.jsonl"))
        self._texts = [text for path in written for text in _texts(path)]
        self._odd = [text for text in _texts(CORPUS / "odd.jsonl") if _is_visible(text)]
        assert len(self._texts) > 100, "the corpus is gone"
        assert len(self._odd) > 30, "the odd texts are gone"

    def story(self, number: int) -> Story:
        """Return the story of that number."""
        if number % _EACH_WEBHOOK == 2:
            return Story(number, tuple(self._webhook(number)))
        return Story(number, (self._api(number),))

    def _api(self, number: int) -> Send:
        body = self._body(number)
        files: tuple[Upload, ...] = ()
        if number % _EACH_UPLOAD == 7:
            files = tuple(self._upload() for _ in range(self._dice.randint(1, 3)))
            if self._dice.random() < 0.2:
                del body["text"]
        return Send("api", self._key(number), body, files)

    def _webhook(self, number: int) -> Iterator[Send]:
        """Yield a vendor's message, often with additions: named edits, or its id with new words."""
        identity = f"{number}/{self._dice.getrandbits(40):x}"
        first = {**self._body(number), "message_id": identity}
        if self._dice.random() < 0.5:
            first["sent_at"] = "2026-11-23T09:12:04+08:00"
        yield Send("webhook", identity, first)
        turn = number // _EACH_WEBHOOK
        for edit in range((1, 0, 2, 1)[turn % 4]):
            body = {**first, "text": self._text(number + edit)}
            if (turn + edit) % 2 == 0:
                body |= {"message_id": f"{identity}+{edit}", "edits": identity}
            if body["text"] != first["text"]:
                yield Send("webhook", str(body["message_id"]), body)

    def _key(self, number: int) -> str:
        """Return a key of 16 to 200 printable characters, never the same again."""
        length = self._dice.choice((16, 32, 36, 200))
        filling = "".join(self._dice.choices(_KEY_ALPHABET, k=length))
        return f"{number:06d}:{filling}"[:length]

    def _body(self, number: int) -> dict[str, Any]:
        body: dict[str, Any] = {"text": self._text(number)}
        if self._dice.random() < 0.6:
            body["reporter"] = self._reporter()
        if self._dice.random() < 0.3:
            body["place"] = self._place()
        return body

    def _reporter(self) -> dict[str, str]:
        dice = self._dice
        born = f"{dice.randint(1940, 2005)}{dice.randint(1, 12):02d}{dice.randint(1, 28):02d}"
        number = f"1101{dice.randint(1, 9):02d}{born}{dice.randrange(1000):03d}"
        fields = {
            "name": dice.choice(_NAMES),
            "phone": f"{dice.choice(('', '+86 ', '86-'))}1{dice.randrange(3 * 10**9, 10**10)}",
            "identity_number": number + ric.calc_check_digit(number),
            "address": dice.choice(_PLACES),
        }
        return {name: value for name, value in fields.items() if dice.random() < 0.7}

    def _place(self) -> dict[str, Any]:
        place: dict[str, Any] = {"address": self._dice.choice(_PLACES)}
        if self._dice.random() < 0.5:
            place["longitude"] = round(self._dice.uniform(115.4, 117.5), 6)
            place["latitude"] = round(self._dice.uniform(39.4, 41.1), 6)
        return place

    def _upload(self) -> Upload:
        content = self._dice.randbytes(self._dice.choice((1, 100, 65_536, 65_537, 150_000)))
        return Upload(f"{self._dice.choice(_NAMES)}.jpg", b"\xff\xd8\xff\xe0" + content)

    def _text(self, number: int) -> str:
        """Return a text with something visible in it; every twentieth has a set length."""
        if number % 20 == 0:
            text = self._of_length(number // 20)
        else:
            makers = (self._plain, self._joined, self._cut, self._mutated, self._spoken_of)
            chances = (40, 12, 18, 20, 10)
            text = self._dice.choices(makers, chances)[0]()
        return text if _is_visible(text) else f"诉{text}"

    def _of_length(self, step: int) -> str:
        """Return a text of 1, 2, 3 … 120 characters, then of lengths that grow to the longest."""
        length = step + 1
        if step >= 120:
            length = int(120 * (_LONGEST / 120) ** ((((step - 119) % 131) / 130) ** 2))
        parts: list[str] = []
        while sum(map(len, parts)) < length:
            parts.append(self._plain())
        return "".join(parts)[:length]

    def _plain(self) -> str:
        return self._dice.choice(self._odd if self._dice.random() < 0.15 else self._texts)

    def _joined(self) -> str:
        separator = self._dice.choice(("", " ", "\n", "。", "\u2028", "————"))
        return separator.join(self._plain() for _ in range(self._dice.randint(2, 6)))

    def _cut(self) -> str:
        text = self._plain()
        start = self._dice.randrange(len(text))
        return text[start : start + self._dice.randint(1, len(text))]

    def _mutated(self) -> str:
        """Return a text with foreign characters put in, or in other forms of its characters."""
        text = self._plain()
        for _ in range(self._dice.randint(1, 6)):
            place = self._dice.randint(0, len(text))
            text = text[:place] + self._dice.choice(_INSERTS) + text[place:]
        form = self._dice.randrange(5)
        if form == 0:
            return text.translate(_FULL_WIDTH)
        if form == 1:
            return unicodedata.normalize("NFD", text)
        return text[::-1] if form == 2 else text

    def _spoken_of(self) -> str:
        """Return a text that names people's numbers, which masking has to find."""
        named = self._reporter()
        card = f"6222{self._dice.randrange(10**12):012d}"
        return f"{self._plain()} {' '.join(named.values())} 卡号{card}"


def _texts(path: Path) -> list[str]:
    lines = path.read_text(encoding="utf-8").splitlines()
    return [json.loads(line)["text"] for line in lines if line]


def _is_visible(text: str) -> bool:
    """Tell what intake asks of a text: that something of it can be seen."""
    return any(unicodedata.category(char)[0] not in "ZC" for char in text)
