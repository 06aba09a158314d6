"""What a text is found by: pairs of neighbouring characters, and words of letters and digits.

Chinese has no blanks, and a cutter may cut a word otherwise in the question than in the text: pairs
find it wherever it stands. A term is plain ASCII, so that neither database's own idea of letters
matters: a pair is `u` and the code points of both characters, a word is `w` and itself or its code
points. That all pairs of a word stand in a text does not say that they stand together: whoever
searches looks at the texts again (`holds`).
"""

import re
from collections.abc import Sequence
from typing import Final

from triage.text.normalise import normalise

_RUN: Final = re.compile(r"([\u3400-\u9fff\U00020000-\U0003ffff]+)|([^\W_\u3400-\u9fff]+)")


class _Codes(dict[str, str]):
    """The code point of a character as hexadecimal digits, worked out once."""

    def __missing__(self, char: str) -> str:
        self[char] = found = f"{ord(char):x}"
        return found


_CODES: Final = _Codes()
MOST_WORDS: Final = 8
"""So many words of a question are looked for."""
_MOST_OF_WORD: Final = 40


def terms_of(text: str) -> list[str]:
    """Return the different terms of a text, in order."""
    found: dict[str, None] = {}
    for run in _RUN.finditer(normalise(text).text):
        if (chars := run[1]) is not None:
            # The last character begins no pair, and is found alone as the first one is.
            codes = [_CODES[char] for char in chars]
            found |= dict.fromkeys(
                ["u" + a + b for a, b in zip(codes, [*codes[1:], ""], strict=True)]
            )
        else:
            found[_word(run[2])] = None
    return list(found)


def words_of_question(question: str) -> list[str]:
    """Return the normalised words of a question, which blanks separate."""
    words = (normalise(part).text for part in question.split())
    return list(dict.fromkeys(word for word in words if _RUN.search(word)))[:MOST_WORDS]


def asked_terms(words: Sequence[str]) -> tuple[list[str], list[str]]:
    """Return the terms that a text must have, and those with which one of its terms must begin."""
    whole: dict[str, None] = {}
    begun: dict[str, None] = {}
    for word in words:
        for run in _RUN.finditer(word):
            chars = run[1]
            if chars is None:
                begun[_word(run[2])] = None
            elif len(chars) == 1:
                begun[_pair(chars)] = None
            else:
                whole |= dict.fromkeys(_pair(chars[at : at + 2]) for at in range(len(chars) - 1))
    return list(whole), list(begun)


def holds(text: str, words: Sequence[str]) -> bool:
    """Return whether all the words stand in the text."""
    normal = normalise(text).text
    return all(word in normal for word in words)


def _pair(chars: str) -> str:
    return "u" + "".join(_CODES[char] for char in chars)


def _word(word: str) -> str:
    word = word[:_MOST_OF_WORD]
    return f"w{word}" if word.isascii() else "x" + "".join(_CODES[char] for char in word)
