"""`docs/decision.md` against the model of a decision and the pipeline that ships."""

import json
import re
from importlib.resources import files

from gateway.intake.triage_processes import assemble
from models.bundle import shipped_folder
from tests.docs.pages import DOCS, blocks, rows
from triage.appeal import Appeal, SourceText
from triage.decision import Decision, Kind, Route, Tier
from triage.taxonomy import FILES

PAGE = DOCS / "decision.md"


def example() -> tuple[str, Decision]:
    """Return the text of the example and the decision shown for it."""
    text = next(block.body.strip() for block in blocks(PAGE) if block.language == "text")
    told = next(block.body for block in blocks(PAGE) if block.language == "json")
    return text, Decision.model_validate_json(told)


def test_every_field_is_documented() -> None:
    """The table has the decision's fields, in their order, with their values."""
    told = {row[0].strip("`"): row for row in rows(PAGE, "`[a-z_]+`") if len(row) == 3}
    assert list(told) == list(Decision.model_fields)
    for name, values in (("kind", Kind), ("tier", Tier), ("route", Route)):
        assert re.findall(r"`(\w+)`", told[name][1]) == [str(value) for value in values]


def test_the_routes_are_explained_in_the_order_in_which_they_apply() -> None:
    """Each route has a row."""
    told = [row[0].strip("`") for row in rows(PAGE, "`[a-z]+`") if len(row) == 2]
    assert told == [str(route) for route in Route]


def test_the_example_is_complete_and_its_spans_quote_the_text() -> None:
    """The example shows every field, and its reasons quote what the page says they do."""
    text, decision = example()
    shown = next(block.body for block in blocks(PAGE) if block.language == "json")
    assert set(json.loads(shown)) == set(Decision.model_fields)
    quoted = re.search(r"quote, in this order: ([^.]+)\.", PAGE.read_text())
    assert quoted is not None
    assert [text[reason.start : reason.end] for reason in decision.reasons] == re.findall(
        r"`([^`]+)`", quoted[1]
    )


def test_the_example_is_what_the_shipped_rules_decide() -> None:
    """What rules and catalogue decide is as shown; what the model adds may change with it."""
    text, told = example()
    texts = {name: (files("triage") / "taxonomy" / name).read_text("utf-8") for name in FILES}
    real = assemble(shipped_folder(), texts).decide(Appeal((SourceText("text", text),)))
    fixed = {"matter", "tier", "unit", "district", "street", "automatic"}
    assert told.model_dump(include=fixed) == real.model_dump(include=fixed)
    spans = [
        [(reason.kind, reason.text, reason.start, reason.end) for reason in decision.reasons]
        for decision in (told, real)
    ]
    assert spans[0] == spans[1]
