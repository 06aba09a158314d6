"""Plain text to pre-train on: appeals, official replies, laws."""

import json
import lzma
from collections.abc import Iterator
from pathlib import Path

from training.corpus import LAWS, Corpus
from triage.text.normalise import normalise

_LAWS, _REPLIES = "laws.jsonl.xz", "replies.jsonl"


def plain_texts(corpus: Corpus, data: Path | None, law_characters: int) -> Iterator[str]:
    """Normalised texts: those of the corpus that are whole, then replies and laws of a folder.

    Of each law only the first `law_characters` are read, so that laws do not drown the appeals.
    """
    for example in corpus.examples:
        if example.tokens is None and example.in_domain and example.origin != LAWS:
            yield normalise(example.text).text
    if data is None:
        return
    if (data / _REPLIES).exists():
        for line in (data / _REPLIES).read_text("utf-8").splitlines():
            yield normalise(str(json.loads(line)["reply"])).text
    if (data / _LAWS).exists():
        with lzma.open(data / _LAWS, "rt", encoding="utf-8") as lines:
            for line in lines:
                yield normalise(str(json.loads(line)["text"])[:law_characters]).text
