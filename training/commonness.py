"""Counts how common pairs of characters are in appeals: `python -m training.commonness DATA`."""

import json
import math
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from training.groups import groups
from triage.alike.commonness import TABLE, write_commonness
from triage.alike.sketch import pairs_of
from triage.text.normalise import normalise

_FEWEST = 10
_OUT = Path(__file__).parent.parent / "triage" / "alike" / TABLE


def count(texts: Sequence[str], seed: int = 1) -> list[tuple[str, float]]:
    """Return the pairs of at least 10 unrelated texts, each with the nats that it tells.

    Near-duplicates count once: one who writes the same often makes no word common.
    """
    found = [set(pairs_of(normalise(text).text)) for text in texts]
    together: dict[int, set[str]] = {}
    for number, pairs in zip(groups(found, seed).tolist(), found, strict=True):
        together.setdefault(number, set()).update(pairs)
    counted: Counter[str] = Counter()
    for pairs in together.values():
        counted.update(pair for pair in pairs if pair >= "\u4e00")
    return [
        (pair, math.log(len(together) / times))
        for pair, times in sorted(counted.items())
        if times >= _FEWEST
    ]


def main(
    data: Annotated[Path, typer.Argument(help="Folder with appeals.jsonl.")],
    out: Annotated[Path, typer.Option(help="The table to write.")] = _OUT,
) -> None:
    """Write the table anew from a folder of appeals."""
    lines = (data / "appeals.jsonl").read_text("utf-8").splitlines()
    rows = [json.loads(line) for line in lines]
    told = count([f"{row['title']}\n{row['content']}" for row in rows])
    out.write_text(write_commonness(told), "utf-8")
    typer.echo(f"{out}: {len(told)} pairs of {len(rows)} appeals")


if __name__ == "__main__":
    typer.run(main)
