"""How well appeals on one matter are found, and kept apart from others, on labelled ones."""

import hashlib
import json
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from importlib.resources import files
from itertools import combinations
from pathlib import Path

from training.corpus import OWN
from triage.alike.commonness import TABLE, Commonness, parse_commonness
from triage.alike.gather import NEWEST, candidates, matches
from triage.alike.sketch import Sketch, sketch

LABELS = OWN / "clusters.jsonl"
TUNED, HELD_OUT = "tuned", "held out"
Labels = Mapping[str, str | None]
"""Appeal to cluster; None for one that is alone with its matter."""


@dataclass(frozen=True, slots=True)
class Figures:
    """Pairs of appeals of one matter: those there are, those found, and pairs found wrongly."""

    appeals: int
    clusters: int
    pairs: int
    found: int
    wrong: int
    mean_found: float
    """The share of a cluster's pairs that were found, every cluster counting the same."""


def read_labels(path: Path = LABELS) -> Labels:
    """Return the labels, by the appeal's id."""
    rows = map(json.loads, path.read_text("utf-8").splitlines())
    return {row["id"]: row["cluster"] for row in rows}


def read_appeals(data: Path, source: str = "tipdm-3") -> list[tuple[str, str]]:
    """Return id and text of a source's appeals in the order in which they came."""
    rows = map(json.loads, (data / "appeals.jsonl").read_text("utf-8").splitlines())
    mine = [row for row in rows if row["source"] == source]
    mine.sort(key=lambda row: (_when(row["time"]), row["id"]))
    return [(row["id"], f"{row['title']}\n{row['content']}") for row in mine]


def shipped_commonness() -> Commonness:
    """Return the table that ships."""
    return parse_commonness((files("triage.alike") / TABLE).read_text("utf-8"))


def gather(appeals: Sequence[tuple[str, str]], table: Commonness) -> dict[str, str]:
    """Return the cluster of each appeal that has one, taken in one after the other."""
    lists: dict[int, list[int]] = defaultdict(list)
    sketches: list[Sketch] = []
    clusters: dict[int, str] = {}
    for number, (_, text) in enumerate(appeals):
        new = sketch(text, table)
        sketches.append(new)
        near = candidates([lists[key] for key in new.keys])
        found = matches(new, [(other, sketches[other]) for other in near], clusters)
        for key in new.keys:
            lists[key] = [*lists[key][1 - NEWEST :], number]
        if not found:
            continue
        groups = {clusters.get(match.number, appeals[match.number][0]) for match in found}
        name = min(groups)
        members = [other for other, group in clusters.items() if group in groups]
        clusters |= dict.fromkeys([number, *members, *(match.number for match in found)], name)
    return {appeals[number][0]: name for number, name in clusters.items()}


def judge(clusters: Mapping[str, str], labels: Labels, half: str) -> Figures:
    """Return the figures of one half of the labelled clusters."""
    halves = _half(labels)
    mine = {identity: label for identity, label in labels.items() if halves[identity] == half}
    pairs: Counter[str] = Counter()
    found: Counter[str] = Counter()
    wrong = 0
    for one, other in combinations(mine, 2):
        together = one in clusters and clusters[one] == clusters.get(other)
        label = mine[one]
        if label is not None and label == mine[other]:
            pairs[label] += 1
            found[label] += together
        else:
            wrong += together
    shares = [found[label] / pairs[label] for label in pairs]
    return Figures(
        appeals=len(mine),
        clusters=len(pairs),
        pairs=pairs.total(),
        found=found.total(),
        wrong=wrong,
        mean_found=sum(shares) / len(shares),
    )


def clusters_table(data: Path) -> str:
    """Return the figures of both halves, to read."""
    labels = read_labels()
    clusters = gather(read_appeals(data), shipped_commonness())
    lines = ["half      appeals clusters  pairs  found  wrong  mean share found"]
    for half in (TUNED, HELD_OUT):
        told = judge(clusters, labels, half)
        lines.append(
            f"{half:<9} {told.appeals:>7} {told.clusters:>8} {told.pairs:>6} {told.found:>6} "
            f"{told.wrong:>6}  {told.mean_found:.3f}"
        )
    return "\n".join(lines)


def _half(labels: Labels) -> dict[str, str]:
    """Which half each appeal is of: clusters by turns from the largest on."""
    sizes = Counter(label for label in labels.values() if label is not None)
    ranked = sorted(sizes, key=lambda label: (-sizes[label], label))
    turns = {
        label: HELD_OUT if (place + 1) // 2 % 2 else TUNED for place, label in enumerate(ranked)
    }
    return {
        identity: turns[label] if label is not None else _by_turn(identity)
        for identity, label in labels.items()
    }


def _by_turn(identity: str) -> str:
    return HELD_OUT if hashlib.sha256(identity.encode()).digest()[0] % 2 else TUNED


def _when(told: str) -> datetime:
    shape = "%Y/%m/%d %H:%M:%S" if "/" in told else "%Y-%m-%d %H:%M:%S"
    return datetime.strptime(told, shape)  # noqa: DTZ007
