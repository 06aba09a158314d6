"""The shipped catalogue: every entry's own examples hold."""

import pytest

from training.cli import read_catalogue
from triage.appeal import Appeal, SourceText
from triage.decision import Topic
from triage.rules.matters import Matter
from triage.rules.tiers import TierRule
from triage.text.document import Document

SHIPPED = read_catalogue()


def read(text: str) -> Document:
    """A sentence as the pipeline reads it."""
    return Document(Appeal((SourceText("example", text),)))


def fires(rule: TierRule, text: str) -> bool:
    """Whether the rule is among those that fire on the text."""
    document = read(text)
    return rule in [hit.rule for hit in SHIPPED.tiers.fired(document.text, document.sentences)]


@pytest.mark.parametrize("rule", SHIPPED.tiers.rules, ids=lambda rule: rule.id)
def test_tier_rule_keeps_its_examples(rule: TierRule) -> None:
    """A tier rule fires on all of its matches and on none of its misses."""
    assert [text for text in rule.matches if not fires(rule, text)] == []
    assert [text for text in rule.misses if fires(rule, text)] == []


@pytest.mark.parametrize("matter", SHIPPED.matters.matters, ids=lambda matter: matter.id)
def test_catalogue_entry_wins_its_examples(matter: Matter) -> None:
    """Among all entries, the one that an example stands under comes first."""
    lost = {}
    for text in matter.examples:
        document = read(text)
        place = SHIPPED.gazetteer.locate(document.text)
        hits = SHIPPED.matters.found(document.text, document.sentences, place.codes)
        if not hits or hits[0].matter.id != matter.id:
            lost[text] = [hit.matter.id for hit in hits[:3]]
    assert lost == {}


def test_every_topic_is_listed() -> None:
    """The topics are those of the contract."""
    assert set(SHIPPED.topics) == set(Topic)


def test_every_district_has_its_unit_and_area() -> None:
    """Each district's government is a unit, and its district is in the gazetteer."""
    units = {code for code, unit in SHIPPED.units.items() if unit.kind == "district"}
    areas = {code for code, area in SHIPPED.areas.items() if area.kind == "district"}
    assert units == areas
    assert len(units) == 17
