"""How fast the knowledge base finds, with as many entries as a country's hotline might have."""

from collections.abc import Callable
from dataclasses import replace
from itertools import cycle, islice
from typing import Final

import numpy as np

from gateway.bench.appeals import compose
from gateway.bench.load import Measured
from gateway.bench.rows import Row
from gateway.clock import Clock
from gateway.knowledge.entries import Entry, day_of
from gateway.knowledge.index import Index, Prepared
from gateway.knowledge.seed import shipped_entries
from gateway.knowledge.vectors import vectors_of
from gateway.knowledge.words import Terms, count_terms
from models.bundle import load_bundle, shipped_folder
from triage.classifier.sentences import SentenceEncoder

_ENTRIES: Final = 50_000
_SEARCHES: Final = 2_000
_TYPED: Final = 40
"""Characters of a question."""
_NOISE: Final = 0.05


def measure_knowledge(clock: Clock, many: Callable[[int], int]) -> list[Row]:
    """Searches one after another in one thread, reading the question included.

    The entries are those that ship, each many times over with words and vectors of its own.
    """
    encoder = SentenceEncoder(load_bundle(shipped_folder()))
    count = many(_ENTRIES)
    terms = Terms()
    entries = _entries(count, encoder, terms, clock)
    started = clock.monotonic()
    index = Index(entries, terms)
    building = clock.monotonic() - started
    day = day_of(clock.now())
    asked = [phrasing for _, item in shipped_entries() for phrasing in item.phrasings]
    told = [text[:_TYPED] for text in compose(len(asked))]
    spans = []
    for text in islice(cycle([*asked, *told]), many(_SEARCHES)):
        begun = clock.monotonic()
        index.search(text, encoder.read(text), day, 5)
        spans.append(clock.monotonic() - begun)
    measured = Measured(latencies=spans, seconds=sum(spans))
    return [
        Row(
            f"knowledge: a search among {count:,} entries, median / p99",
            f"{measured.percentile(0.5):.1f} / {measured.percentile(0.99):.1f} ms",
            "50 ms",
        ),
        Row(f"knowledge: the index of {count:,} entries built anew", f"{building:.1f} s"),
    ]


def _entries(count: int, encoder: SentenceEncoder, terms: Terms, clock: Clock) -> list[Prepared]:
    shipped = [
        (name, item, vectors_of(item, encoder).astype(np.float32))
        for name, item in shipped_entries()
    ]
    chance = np.random.default_rng(0)
    found = []
    for number, (name, item, vectors) in enumerate(islice(cycle(shipped), count)):
        asks = tuple(f"{phrasing}{number}号街" for phrasing in item.asks)
        content = replace(item, question=f"{item.question}第{number}号街", asks=asks)
        noisy = (vectors + chance.normal(0, _NOISE, vectors.shape)).astype(np.float16)
        entry = Entry(f"{name}-{number}", 1, content, False, clock.now(), "bench")
        found.append(Prepared(entry, count_terms(content, terms), noisy))
    return found
