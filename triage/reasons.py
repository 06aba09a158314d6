"""The grounds of a decision, in Chinese, each with its place in the original text."""

from collections.abc import Iterator, Sequence

from triage.areas import Place
from triage.decision import Reason, ReasonKind, Tier
from triage.rules.matters import MatterHit
from triage.rules.tiers import TierHit
from triage.taxonomy.catalogue import Catalogue
from triage.text.document import Document

#: Reasons of one kind that a decision shows at most.
_MOST = 5


class Speaker:
    """Tells why, for one document."""

    def __init__(self, document: Document, catalogue: Catalogue) -> None:
        self._document = document
        self._catalogue = catalogue

    def tier(self, tier: Tier, fired: Sequence[TierHit]) -> Iterator[Reason]:
        """The rules that hold the tier, or the model if none does; nothing for `general`."""
        if tier is Tier.GENERAL:
            return
        deciding = [hit for hit in fired if hit.rule.tier is tier][:_MOST]
        for hit in deciding:
            text = f"{hit.rule.reason}（{hit.rule.source}）"
            yield from self._at(ReasonKind.TIER, text, hit.start, hit.end)
        if not deciding:
            word = "突发紧急" if tier is Tier.EMERGENCY else "水电气热等民生"
            yield self._about_all(ReasonKind.TIER, f"模型据全文判断属{word}事项")

    def unit(
        self,
        unit: str | None,
        matter: MatterHit | None,
        alarms: Sequence[TierHit],
        evidence: Sequence[str],
    ) -> Iterator[Reason]:
        """The catalogue's entry, the danger that the unit averts, the classifier's words."""
        if unit is None:
            return
        name = self._catalogue.unit_name(unit)
        if matter is not None:
            text = f"派单目录“{matter.matter.name}”，由{name}承办"
            yield from self._at(ReasonKind.MATTER, text, matter.start, matter.end)
            return
        for hit in alarms:
            if hit.rule.unit == unit:
                text = f"{hit.rule.reason}，险情由{name}处置"
                yield from self._at(ReasonKind.UNIT, text, hit.start, hit.end)
                return
        places = [(self._document.text.find(word), word) for word in evidence]
        seen = [(start, word) for start, word in places if start >= 0]
        for start, word in seen:
            text = f"“{word}”等用语多属{name}职责"
            yield from self._at(ReasonKind.UNIT, text, start, start + len(word))
        if not seen:
            yield self._about_all(ReasonKind.UNIT, f"模型据全文判断属{name}职责")

    def place(self, place: Place) -> Iterator[Reason]:
        """The places named, and the district that they speak for."""
        for mention in place.mentions[:_MOST]:
            area = mention.areas[0]
            if place.district is None:
                text = f"提到{area.name}，但不能据此确定所在区"
            elif area.code == place.district:
                text = f"提到{area.name}"
            else:
                text = f"{area.name}在{self._catalogue.areas[place.district].name}"
            yield from self._at(ReasonKind.PLACE, text, mention.start, mention.end)

    def outside(self, readable: bool) -> Iterator[Reason]:
        """Why a person must look: no Chinese to read, or no appeal."""
        text = "不像诉求，请人工判断" if readable else "没有可读的中文内容，请人工判断"
        yield self._about_all(ReasonKind.DOMAIN, text)

    def _about_all(self, kind: ReasonKind, text: str) -> Reason:
        source, start, end = self._document.whole()
        return Reason(kind=kind, text=text, source=source, start=start, end=end)

    def _at(self, kind: ReasonKind, text: str, start: int, end: int) -> Iterator[Reason]:
        """One reason for every source that the normalised [start, end) touches."""
        for source, first, last in self._document.original_spans(start, end):
            yield Reason(kind=kind, text=text, source=source, start=first, end=last)
