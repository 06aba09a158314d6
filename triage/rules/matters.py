"""The dispatch catalogue 派单目录: which matter an appeal is about, hence whose business it is."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from functools import cached_property
from hashlib import sha256

from triage.decision import Topic
from triage.rules.expressions import Expression, ExpressionSet
from triage.text.sentences import Sentences

#: Characters that the words of one catalogue expression may stretch over.
WINDOW = 40


@dataclass(frozen=True)
class Matter:
    """One entry of catalogue.yaml; with an `area` it applies only there.

    One that `decides` names the unit whenever it is the strongest that matches, whatever the
    classifier thinks; for entries that were right nearly always.
    """

    id: str
    name: str
    words: tuple[Expression, ...]
    topic: Topic
    area: str | None
    lead: str
    supporting: tuple[str, ...]
    examples: tuple[str, ...]
    decides: bool = False

    @cached_property
    def digest(self) -> str:
        """Tells this entry, as it matches and leads, from any other."""
        told = repr((self.id, self.words, self.area, self.lead))
        return sha256(told.encode()).hexdigest()[:12]


@dataclass(frozen=True, slots=True)
class MatterHit:
    """An entry that matched; [start, end) is its strongest place in the normalised text."""

    matter: Matter
    start: int
    end: int
    weight: int
    expressions: int


class Matters:
    """All catalogue entries, compiled once."""

    def __init__(self, matters: Sequence[Matter]) -> None:
        self.matters = tuple(matters)
        self._owner = [number for number, matter in enumerate(self.matters) for _ in matter.words]
        self._expressions = ExpressionSet(
            [(item, WINDOW) for matter in self.matters for item in matter.words]
        )

    def found(
        self, text: str, sentences: Sentences, areas: Collection[str] = ()
    ) -> list[MatterHit]:
        """Entries that match, best first.

        An entry for a place goes before one for everywhere, then the one with more matched
        characters, then with more matching expressions, then the one told first.
        """
        best: dict[int, MatterHit] = {}
        for index, hits in self._expressions.hits(text).items():
            number = self._owner[index]
            matter = self.matters[number]
            if matter.area is not None and matter.area not in areas:
                continue
            top = max(
                self._expressions.matches(index, hits, sentences),
                key=lambda match: (match.weight, -match.start),
                default=None,
            )
            if top is None:
                continue
            hit = MatterHit(matter, top.start, top.end, top.weight, 1)
            best[number] = _stronger(best.get(number), hit)
        return sorted(
            best.values(),
            key=lambda hit: (hit.matter.area is None, -hit.weight, -hit.expressions, hit.start),
        )


def _stronger(old: MatterHit | None, new: MatterHit) -> MatterHit:
    if old is None:
        return new
    top = max(old, new, key=lambda hit: (hit.weight, -hit.start))
    return MatterHit(top.matter, top.start, top.end, top.weight, old.expressions + 1)
