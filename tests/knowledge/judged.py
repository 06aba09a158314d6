"""The labelled questions, and what the base that ships finds for them.

Some were written for this base. The others are appeals of the training corpus, named by id: those
that look most like an entry, inquiries as well as complaints, labelled by reading.

`python -m tests.knowledge.judged` fits the curve of `gateway/knowledge/suggesting.py` on one half
anew, and prints the figures of both for `docs/knowledge.md`.
"""

import json
from dataclasses import dataclass
from datetime import UTC, date, datetime
from functools import cache
from importlib.resources import files
from math import log
from pathlib import Path
from typing import Any

import numpy as np

from gateway.knowledge.entries import Entry
from gateway.knowledge.index import Found, Index, Prepared
from gateway.knowledge.seed import shipped_entries
from gateway.knowledge.suggesting import answer_among, may_be_answered
from gateway.knowledge.vectors import vectors_of
from gateway.knowledge.words import Terms, count_terms
from models.bundle import load_bundle, shipped_folder
from triage.classifier.sentences import SentenceEncoder

DAY = date(2026, 11, 27)
AT = datetime(2026, 11, 27, 4, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Question:
    """A text and the id of the entry that answers it, None where none does."""

    text: str
    entry: str | None
    half: str


@cache
def questions() -> list[Question]:
    """Every labelled question."""
    appeals = _corpus()
    return [
        Question(row.get("text") or appeals[row["of"]], row["entry"], row["half"])
        for row in _rows(Path(__file__).parent / "questions.jsonl")
    ]


def _corpus() -> dict[str, str]:
    folder = Path(str(files("training") / "corpus"))
    paths = [*folder.glob("written/*.jsonl"), *folder.glob("held_out/*.jsonl")]
    return {row["id"]: row["text"] for path in paths for row in _rows(path) if "text" in row}


def _rows(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()]


@cache
def encoder() -> SentenceEncoder:
    """The encoder that ships."""
    return SentenceEncoder(load_bundle(shipped_folder()))


@cache
def seeded() -> Index:
    """The index of what ships."""
    terms = Terms()
    prepared = [
        Prepared(
            Entry(name, 1, content, False, AT, "seed"),
            count_terms(content, terms),
            vectors_of(content, encoder()),
        )
        for name, content in shipped_entries()
    ]
    return Index(prepared, terms)


@cache
def found_for(text: str) -> list[Found]:
    """Return what is found for a text, the best first."""
    return seeded().search(text, encoder().read(text), DAY, 5)


def suggested(text: str) -> str | None:
    """Return the id of the entry that is suggested, if one is."""
    answer = answer_among(text, found_for(text))
    return answer.entry.id if answer else None


def figures(half: str) -> tuple[float, float, float]:
    """Return precision and coverage of the suggestions, and the share found first, of a half."""
    asked = [item for item in questions() if item.half == half]
    with_answer = [item for item in asked if item.entry]
    told = [(item, entry) for item in asked if (entry := suggested(item.text))]
    right = sum(item.entry == entry for item, entry in told)
    first = sum(found_for(item.text)[0].entry.id == item.entry for item in with_answer)
    return right / len(told), right / len(with_answer), first / len(with_answer)


def fit() -> tuple[float, list[float]]:
    """Return bias and weights of the curve: of the score, and of the logarithm of the length."""
    from sklearn.linear_model import LogisticRegression

    rows, right = [], []
    for item in questions():
        found = found_for(item.text)
        if item.half == "tune" and may_be_answered(item.text, found):
            rows.append([found[0].score, log(len(item.text))])
            right.append(found[0].entry.id == item.entry)
    spread = np.std(rows, axis=0)
    curve = LogisticRegression(C=10, max_iter=1000).fit(np.array(rows) / spread, right)
    return float(curve.intercept_[0]), (curve.coef_[0] / spread).tolist()


if __name__ == "__main__":
    print("bias and weights:", fit())
    for name in ("tune", "test"):
        print(name, "precision, coverage, found first:", *(f"{it:.3f}" for it in figures(name)))
