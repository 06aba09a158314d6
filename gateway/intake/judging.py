"""How urgent words are, at once: by the model, or by the rules alone where it fails."""

from dataclasses import dataclass
from typing import Final

import orjson
import structlog

from gateway.intake.triage_processes import TriageFailed, TriageProcesses
from triage.appeal import Appeal, SourceText
from triage.decision import Tier
from triage.pipeline import tier_by_rules
from triage.taxonomy import Catalogue

log = structlog.get_logger(__name__)


@dataclass(slots=True)
class Rules:
    """The tier by rules alone and the units' names, over the catalogue of the moment."""

    catalogue: Catalogue

    def tier(self, appeal: Appeal) -> Tier:
        """Return the tier that the rules name."""
        return tier_by_rules(self.catalogue, appeal)

    def tier_of(self, words: str) -> Tier:
        """Return the tier that the rules name for words alone."""
        return self.tier(Appeal((SourceText("words", words),)))

    def unit_name(self, code: str) -> str:
        """Return the unit's Chinese name, or the code where the catalogue has it no more."""
        unit = self.catalogue.units.get(code)
        return unit.name if unit else code

    def area_name(self, code: str) -> str:
        """Return the Chinese name of a district, street or place, or its code."""
        area = self.catalogue.areas.get(code)
        return area.name if area else code


_FEWEST_CHARACTERS: Final = 12
"""From so many on the model knows what a call is about; before, it sees dangers in a greeting."""


@dataclass(frozen=True, slots=True)
class Judge:
    """Judges words before a ticket is triaged: a call that goes on, one appeal too many."""

    processes: TriageProcesses
    rules: Rules

    async def __call__(self, words: str) -> Tier:
        """Return the tier of what a citizen has said so far."""
        if len(words) < _FEWEST_CHARACTERS:
            return self.rules.tier_of(words)
        try:
            [decision] = await self.processes.decide([Appeal((SourceText("words", words),))])
        except TriageFailed as error:
            log.error("words are judged by the rules alone", reason=str(error))
            return self.rules.tier_of(words)
        return Tier(orjson.loads(decision)["tier"])
