"""Everything a model can learn from, as examples of one shape."""

import csv
import hashlib
import json
import lzma
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from random import Random
from typing import Any

from triage.decision import DISTRICT, Kind, Tier, Topic
from triage.taxonomy import Catalogue

#: Own written appeals and texts that are none, part of the project.
OWN = Path(__file__).parent / "corpus"

LABELLED, TOPIC_ROWS, WRITTEN, OUTSIDE = "labelled", "topics", "written", "outside"
DUTIES, EXAMPLES, LAWS, UNLABELLED = "duties", "examples", "laws", "unlabelled"
PASSAGE = "passage"


#: Rows that are judged; the others only teach.
JUDGED = (LABELLED, WRITTEN, TOPIC_ROWS, OUTSIDE)
#: Those and their passages: what a model that has not seen them must score.
SCORED = (*JUDGED, PASSAGE)

#: Texts of random characters that are made up in every run.
_NOISE = 60
#: Articles of laws that teach one unit's words, at most, and how many characters they have.
_ARTICLES, _SHORTEST, _LONGEST = 80, 20, 300
_ARTICLE = re.compile(r"第[一二三四五六七八九十百零]+条[\s　]*")


class CorpusError(ValueError):
    """A corpus file cannot be used; the message names file and line."""


@dataclass(frozen=True, slots=True)
class Example:
    """One text with what is known of it; None where nobody has judged.

    `origin` is the kind of source (LABELLED and so on), `source` the finer one for reports.
    `tokens` stands for the text where only words are left of it. `unit` is a unit code or
    `district`.
    """

    id: str
    origin: str
    source: str
    text: str
    tokens: tuple[str, ...] | None = None
    kind: Kind | None = None
    tier: Tier | None = None
    unit: str | None = None
    also: tuple[str, ...] = ()
    several: bool | None = None
    topic: Topic | None = None
    in_domain: bool = True
    district: str | None = None
    street: str | None = None
    route: str | None = None


@dataclass(frozen=True, slots=True)
class Corpus:
    """All examples, and the SHA-256 of every file that they came from."""

    examples: tuple[Example, ...]
    files: Mapping[str, str]

    def of(self, *origins: str) -> list[Example]:
        """The examples of these origins, in reading order."""
        return [example for example in self.examples if example.origin in origins]


def read_corpus(
    catalogue: Catalogue, seed: int, data: Path | None = None, own: Path = OWN
) -> Corpus:
    """Own texts, the catalogue's examples and, if a folder is given, data from elsewhere.

    The folder may hold appeals_labelled.jsonl, topics_raw.jsonl, topics_segmented.jsonl,
    appeals.jsonl and laws.jsonl.xz; each is optional. Rows of appeals.jsonl whose ids stand in
    `own`/labels are labelled by that. Of laws that are a unit's business by `own`/laws.csv,
    articles teach that unit's words. Raises CorpusError.
    """
    reader = Reader(catalogue)
    examples = [*reader.catalogue_examples(), *reader.duties()]
    for path in sorted((own / "written").glob("*.jsonl")):
        examples += reader.rows(path, WRITTEN)
    examples += [*reader.rows(own / "outside.jsonl", OUTSIDE), *noise(seed)]
    if data is not None:
        if not data.is_dir():
            raise CorpusError(f"{data} is no folder")
        labels = reader.labels(own / "labels")
        topics = reader.rows(data / "topics_raw.jsonl", TOPIC_ROWS)
        rows = reader.rows(data / "appeals_labelled.jsonl", LABELLED)
        rest = reader.rows(data / "appeals.jsonl", UNLABELLED, labels)
        known = {example.id for example in [*topics, *rows]} - labels.keys()
        rows += [example for example in rest if example.id not in known]
        examples += [*_with_topics(rows, topics), *topics]
        examples += reader.rows(data / "topics_segmented.jsonl", TOPIC_ROWS)
        examples += reader.articles(data / "laws.jsonl.xz", own / "laws.csv", seed)
    return Corpus(tuple(examples), reader.files)


class Reader:
    """Reads files of JSON lines and keeps their hashes."""

    def __init__(self, catalogue: Catalogue) -> None:
        self._catalogue = catalogue
        #: SHA-256 of every file that was read, by name.
        self.files: dict[str, str] = {}

    def rows(
        self, path: Path, origin: str, labels: Mapping[str, Mapping[str, Any]] | None = None
    ) -> list[Example]:
        """The examples of one file of JSON lines; none if there is no such file.

        A row whose id has `labels` is a labelled one.
        """
        examples = []
        for number, row in self._lines(path):
            label = (labels or {}).get(str(row.get("id")))
            try:
                of_row = LABELLED if label else origin
                name = f"{path.stem}-{number}"
                examples.append(self._example({**row, **(label or {})}, of_row, name))
            except (ValueError, KeyError, TypeError, AttributeError) as error:
                raise CorpusError(f"{path}, line {number}: {error!r}") from error
        return examples

    def labels(self, folder: Path) -> dict[str, dict[str, Any]]:
        """The labels of rows whose texts are elsewhere, by id."""
        found: dict[str, dict[str, Any]] = {}
        for path in sorted(folder.glob("*.jsonl")):
            for number, row in self._lines(path):
                if str(row.get("id")) in found:
                    raise CorpusError(f"{path}, line {number}: {row['id']} is labelled twice")
                found[str(row["id"])] = row
        return found

    def articles(self, path: Path, titles: Path, seed: int) -> list[Example]:
        """Articles of laws whose title is a unit's business, some of every such unit."""
        if not (path.exists() and titles.exists()):
            return []
        rows = csv.DictReader(titles.read_text("utf-8").splitlines())
        wanted = {self._unit(row["unit"]): re.compile(row["titles"]) for row in rows}
        found: dict[str, list[str]] = {unit: [] for unit in wanted}
        self.files[path.name] = hashlib.sha256(path.read_bytes()).hexdigest()
        with lzma.open(path, "rt", encoding="utf-8") as lines:
            for law in map(json.loads, lines):
                title = str(law["path"]).rpartition("/")[2]
                units = [unit for unit, names in wanted.items() if names.search(title)]
                for article in _ARTICLE.split(str(law["text"]))[1:] if len(units) == 1 else ():
                    text = article.strip()
                    if _SHORTEST <= len(text) <= _LONGEST:
                        found[units[0]].append(text)
        random = Random(seed)
        return [
            Example(id=f"{unit}-law-{place}", origin=LAWS, source="laws", text=text, unit=unit)
            for unit, texts in found.items()
            for place, text in enumerate(random.sample(texts, min(_ARTICLES, len(texts))))
        ]

    def _lines(self, path: Path) -> Iterator[tuple[int, dict[str, Any]]]:
        """The objects of a file of JSON lines with their line numbers; none without the file."""
        if not path.exists():
            return
        content = path.read_bytes()
        self.files[path.name] = hashlib.sha256(content).hexdigest()
        for number, line in enumerate(content.decode("utf-8").split("\n"), start=1):
            if not line.strip():
                continue
            try:
                row = json.loads(line)
            except ValueError as error:
                raise CorpusError(f"{path}, line {number}: {error!r}") from error
            if not isinstance(row, dict):
                raise CorpusError(f"{path}, line {number}: not a JSON object")
            yield number, row

    def _example(self, row: Mapping[str, Any], origin: str, name: str) -> Example:
        tokens = tuple(row["tokens"]) if "tokens" in row else None
        text = "".join(tokens) if tokens is not None else _text(row)
        labelled = origin in (LABELLED, WRITTEN)
        return Example(
            id=str(row.get("id", name)),
            origin=origin,
            source=str(row.get("source") or row.get("writer") or origin),
            text=text,
            tokens=tokens,
            kind=Kind(row["kind"]) if labelled else None,
            tier=Tier(row["tier"]) if labelled else None,
            unit=self._unit(row["unit"]) if labelled else None,
            also=tuple(self._unit(code) for code in row.get("also") or ()) if labelled else (),
            several=bool(row["multi"]) if labelled else None,
            topic=Topic(row["topic"]) if row.get("topic") and origin != OUTSIDE else None,
            in_domain=origin != OUTSIDE,
            district=row.get("district"),
            street=row.get("street"),
            route=row.get("route"),
        )

    def _unit(self, code: str) -> str:
        if code.startswith(f"{DISTRICT}-"):
            return DISTRICT
        if code != DISTRICT and code not in self._catalogue.units:
            raise ValueError(f"{code!r} is no unit")
        return code

    def catalogue_examples(self) -> Iterator[Example]:
        """Sentences that clerks wrote for catalogue entries and tier rules."""
        for matter in self._catalogue.matters.matters:
            for place, text in enumerate(matter.examples):
                yield Example(
                    id=f"{matter.id}-{place}",
                    origin=EXAMPLES,
                    source="catalogue",
                    text=text,
                    unit=self._unit(matter.lead),
                    topic=matter.topic,
                )
        for rule in self._catalogue.tiers.rules:
            for place, text in enumerate(rule.matches):
                yield Example(
                    id=f"{rule.id}-{place}",
                    origin=EXAMPLES,
                    source="tiers",
                    text=text,
                    tier=rule.tier,
                )

    def duties(self) -> Iterator[Example]:
        """Every phrase of every unit's duties, as a very short appeal."""
        for unit in self._catalogue.units.values():
            if unit.kind == DISTRICT:
                continue
            for place, phrase in enumerate(unit.duties):
                yield Example(
                    id=f"{unit.code}-{place}",
                    origin=DUTIES,
                    source="units",
                    text=phrase,
                    unit=unit.code,
                )


def noise(seed: int) -> list[Example]:
    """Random Chinese characters, which nobody can mean anything by."""
    random = Random(seed)
    return [
        Example(
            id=f"noise-{place:03d}",
            origin=OUTSIDE,
            source="noise",
            text="".join(chr(random.randint(0x4E00, 0x9FA5)) for _ in range(5 + 4 * (place % 10))),
            in_domain=False,
        )
        for place in range(_NOISE)
    ]


def _with_topics(rows: Iterable[Example], topics: Iterable[Example]) -> Iterator[Example]:
    """The rows; what the city itself took for the topic of one stands above a reader's label."""
    official = {example.id: example.topic for example in topics}
    for row in rows:
        yield replace(row, topic=official.get(row.id) or row.topic)


def _text(row: Mapping[str, Any]) -> str:
    """Title and content, without a title that the content repeats."""
    if "text" in row:
        return str(row["text"])
    title, content = str(row.get("title") or ""), str(row.get("content") or "")
    return content if content.startswith(title) else f"{title}\n{content}"
