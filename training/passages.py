"""Passages of long rows: held out with them, so that figures are of what the service does."""

from collections.abc import Iterator, Sequence

from training.corpus import JUDGED, PASSAGE, Example
from triage.appeal import Appeal, SourceText
from triage.passages import LONG, hints_of, passages
from triage.taxonomy import Catalogue
from triage.text.document import Document


def passages_of(examples: Sequence[Example], catalogue: Catalogue) -> Iterator[tuple[int, Example]]:
    """Every passage of the judged rows that are long, with the number of its row."""
    for number, example in enumerate(examples):
        if example.origin in JUDGED and len(example.text) >= LONG:
            document = Document(Appeal((SourceText("text", example.text),)))
            fired = catalogue.tiers.fired(document.text, document.sentences)
            for text in passages(document.text, hints_of(fired)):
                yield number, Example(example.id, PASSAGE, example.source, text)
