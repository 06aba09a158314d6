"""The catalogue's YAML files: catalogue.yaml (matters) and tiers.yaml (tier rules)."""

import re
from collections.abc import Mapping

from triage.areas import Area
from triage.decision import DISTRICT, Tier, Topic
from triage.rules.expressions import Expression, parse_expression
from triage.rules.matters import Matter
from triage.rules.tiers import DEFAULT_WINDOW, TierRule
from triage.taxonomy.nodes import Entry, entries
from triage.taxonomy.tables import AREAS, UNITS, Unit

MATTERS, TIERS = "catalogue.yaml", "tiers.yaml"
_MATTER_KEYS = ("id", "name", "words", "topic", "lead", "examples")
_TIER_KEYS = ("id", "tier", "reason", "source", "words", "matches", "misses")
_ID = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")


def parse_matters(
    text: str, units: Mapping[str, Unit], areas: Mapping[str, Area]
) -> tuple[Matter, ...]:
    """The entries of catalogue.yaml; raises CatalogueError."""
    matters: dict[str, Matter] = {}
    for entry in entries(MATTERS, text):
        entry.only(_MATTER_KEYS, ("area", "supporting", "decides"))
        code = _fresh_id(entry, matters)
        area = entry.text_or_null("area")
        if area is not None and area not in areas:
            raise entry.key_error("area", f"{area!r} is no area of {AREAS}; correct the code")
        lead = _unit(entry, "lead", entry.text("lead"), units)
        supporting = tuple(
            _unit(entry, "supporting", item, units) for item, _ in entry.texts("supporting")
        )
        if lead in supporting or len(set(supporting)) < len(supporting):
            raise entry.key_error("supporting", "a unit stands twice in lead and supporting")
        matters[code] = Matter(
            id=code,
            name=entry.text("name"),
            words=_expressions(entry, "words", needed=True),
            topic=Topic(entry.one_of("topic", tuple(Topic))),
            area=area,
            lead=lead,
            supporting=supporting,
            examples=_sentences(entry, "examples"),
            decides=_flag(entry, "decides"),
        )
    return tuple(matters.values())


def parse_tiers(text: str, units: Mapping[str, Unit]) -> tuple[TierRule, ...]:
    """The rules of tiers.yaml; raises CatalogueError."""
    rules: dict[str, TierRule] = {}
    for entry in entries(TIERS, text):
        entry.only(_TIER_KEYS, ("unless", "within", "hint", "unit"))
        code = _fresh_id(entry, rules)
        rules[code] = TierRule(
            id=code,
            tier=Tier(entry.one_of("tier", (Tier.EMERGENCY, Tier.LIVELIHOOD))),
            reason=entry.text("reason"),
            source=entry.text("source"),
            words=_expressions(entry, "words", needed=True),
            unless=_expressions(entry, "unless", needed=False),
            within=entry.number("within", DEFAULT_WINDOW),
            matches=_sentences(entry, "matches"),
            misses=_sentences(entry, "misses"),
            hint=_flag(entry, "hint"),
            unit=_unit(entry, "unit", entry.text("unit"), units) if entry.has("unit") else None,
        )
    return tuple(rules.values())


def _flag(entry: Entry, key: str) -> bool:
    return entry.one_of(key, ("true", "false")) == "true" if entry.has(key) else False


def _fresh_id(entry: Entry, seen: Mapping[str, object]) -> str:
    code = entry.text("id")
    if not _ID.fullmatch(code):
        raise entry.key_error("id", f"the id {code!r} must be small letters and hyphens")
    if code in seen:
        raise entry.key_error("id", f"the id {code!r} stands twice; rename one")
    return code


def _unit(entry: Entry, key: str, code: str, units: Mapping[str, Unit]) -> str:
    if code != DISTRICT and code not in units:
        raise entry.key_error(key, f"{code!r} is no unit of {UNITS}; correct the code")
    return code


def _expressions(entry: Entry, key: str, *, needed: bool) -> tuple[Expression, ...]:
    found = []
    for text, node in entry.texts(key):
        try:
            found.append(parse_expression(text))
        except ValueError as error:
            raise entry.error(str(error), node) from error
    if needed and not found:
        raise entry.key_error(key, f"{key!r} is empty; give at least one phrase")
    return tuple(found)


def _sentences(entry: Entry, key: str) -> tuple[str, ...]:
    found = tuple(text for text, _ in entry.texts(key))
    if not found:
        raise entry.key_error(key, f"{key!r} is empty; write at least one sentence of your own")
    return found
