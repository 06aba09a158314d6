"""The project's own appeals: enough of every kind, each its own, some of them frozen."""

import json
import re
from collections import Counter
from itertools import chain
from pathlib import Path
from typing import Any

import pytest

from training.cli import read_catalogue
from training.corpus import OWN, CorpusError
from training.frozen import FOLDER, log_use, read_frozen

ALIKE = 0.3


def rows(folder: Path) -> list[dict[str, Any]]:
    """All rows of the JSON lines in a folder."""
    lines = chain.from_iterable(
        path.read_text("utf-8").splitlines() for path in sorted(folder.glob("*.jsonl"))
    )
    return [json.loads(line) for line in lines if line.strip()]


WRITTEN = rows(OWN / "written")
HELD_OUT = [row for row in rows(FOLDER) if "text" in row]


def grams(text: str) -> set[str]:
    """All threes of neighbouring characters, marks left out."""
    plain = re.sub(r"\W", "", text)
    return {plain[place : place + 3] for place in range(len(plain) - 2)}


def test_there_are_enough_of_every_kind() -> None:
    """Each unit 20 times, each district as the place 20, each topic 60, and what is rare."""
    catalogue = read_catalogue()
    units = Counter(row["unit"] for row in WRITTEN)
    wanted = [unit.code for unit in catalogue.units.values() if unit.kind != "district"]
    assert {code: units[code] for code in [*wanted, "district"] if units[code] < 20} == {}
    districts = Counter(row["district"] for row in WRITTEN)
    codes = [area.code for area in catalogue.areas.values() if area.kind == "district"]
    assert {code: districts[code] for code in codes if districts[code] < 20} == {}
    topics = Counter(row["topic"] for row in WRITTEN)
    assert {topic: topics[topic] for topic in catalogue.topics if topics[topic] < 60} == {}
    assert len(WRITTEN) >= 2000
    emergencies = [row for row in WRITTEN if row["tier"] == "emergency"]
    assert len(emergencies) >= 350
    assert sum(row["alarm"] == "calm" for row in emergencies) * 3 >= len(emergencies)
    assert sum(row["alarm"] == "false" for row in WRITTEN) >= 300
    assert sum(row["voice"] == "speech" for row in WRITTEN) >= 500


def test_no_two_are_alike() -> None:
    """Nobody wrote by a template: no two texts share much, frozen ones included."""
    found: dict[str, list[int]] = {}
    sizes: list[int] = []
    alike = []
    everything = [*WRITTEN, *HELD_OUT]
    for number, row in enumerate(everything):
        mine = grams(row["text"])
        shared = Counter(other for gram in mine for other in found.get(gram, ()))
        for other, count in shared.most_common(2):
            if count > ALIKE * (len(mine) + sizes[other] - count):
                alike.append((everything[other]["id"], row["id"]))
        for gram in mine:
            found.setdefault(gram, []).append(number)
        sizes.append(len(mine))
    assert alike == []


def test_frozen_appeals_are_those_that_were_frozen() -> None:
    """The hashes hold, and nobody who wrote them wrote anything that is learned from."""
    frozen = read_frozen(read_catalogue())
    assert len(frozen) >= 400
    assert {row["writer"] for row in HELD_OUT}.isdisjoint(row["writer"] for row in WRITTEN)


def test_changed_frozen_file_is_refused(tmp_path: Path) -> None:
    """A frozen appeal that was mended afterwards would be no yardstick."""
    for path in FOLDER.iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    name = next(iter(json.loads((tmp_path / "frozen.json").read_text("utf-8"))))
    (tmp_path / name).write_text("{}\n", "utf-8")
    with pytest.raises(CorpusError, match=name):
        read_frozen(read_catalogue(), tmp_path)


def test_each_use_is_logged(tmp_path: Path) -> None:
    """Who looks at the frozen appeals leaves a line: when, with which model, why."""
    log_use("blend 1", "a test", tmp_path)
    (line,) = (tmp_path / "uses.jsonl").read_text("utf-8").splitlines()
    assert json.loads(line)["why"] == "a test"
