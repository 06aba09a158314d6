"""What ships, whole: catalogue and bundle together, over odd texts and plain ones."""

import json
from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.bundle import load_bundle, shipped_folder
from training.cli import read_catalogue
from training.corpus import OWN
from triage.appeal import Appeal, SourceText
from triage.classifier.blended import BlendedClassifier
from triage.decision import Route, Tier
from triage.pipeline import Pipeline

SHIPPED = Pipeline(read_catalogue(), BlendedClassifier(load_bundle(shipped_folder())))


def odd_texts() -> Iterator[str]:
    """The project's collection of texts that something might choke on."""
    for line in (OWN / "odd.jsonl").read_text("utf-8").split("\n"):
        if line.strip():
            yield json.loads(line)["text"]


@pytest.mark.parametrize("text", list(odd_texts()), ids=range(len(list(odd_texts()))))
def test_odd_text_is_decided_on(text: str) -> None:
    """Every odd text gets a unit, or a person and a reason why."""
    decision = SHIPPED.decide(Appeal((SourceText("odd", text),)))
    assert (decision.unit is None) == (decision.route is Route.PERSON)
    assert decision.reasons
    for reason in decision.reasons:
        assert 0 <= reason.start <= reason.end <= len(text)


@given(st.text(max_size=80))
@settings(max_examples=50)
def test_any_text_is_decided_on(text: str) -> None:
    """No text makes triage fail."""
    assert SHIPPED.decide(Appeal((SourceText("any", text),))).reasons


@pytest.mark.parametrize(
    ("text", "tier", "unit", "district"),
    [
        ("海淀区知春路，楼道里一股煤气味越来越浓", Tier.EMERGENCY, "gas", "district-haidian"),
        (
            "房山良乡这边家里停水两天了，什么时候能来水",
            Tier.LIVELIHOOD,
            "water-supply",
            "district-fangshan",
        ),
        (
            "丰台区方庄，家里暖气片冰凉，室温只有十四度",
            Tier.LIVELIHOOD,
            "heating",
            "district-fengtai",
        ),
        ("公司拖欠我三个月工资，一直不给", Tier.GENERAL, "hrss", None),
        ("我坐的公交车司机甩站，等了半小时没停", Tier.GENERAL, "bus-group", None),
    ],
)
def test_plain_appeals(text: str, tier: Tier, unit: str, district: str | None) -> None:
    """Appeals that leave no doubt are decided as an agent would decide them."""
    decision = SHIPPED.decide(Appeal((SourceText("text", text),)))
    assert (decision.tier, decision.unit, decision.district) == (tier, unit, district)
    assert decision.unit in decision.unit_set
    assert decision.candidates[0].code == unit


def test_card_names_its_data_and_hashes() -> None:
    """The bundle's card tells what it learned from and how it was judged."""
    card = load_bundle(shipped_folder()).card
    assert {"data", "figures", "config", "limits", "libraries", "files"} <= set(card)
    assert card["data"]["files_sha256"]
    assert card["config"]["vocabulary"]["least_appeals"] >= 5
