"""The pipeline: always a decision, with reasons that point to the text."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from triage.appeal import Appeal, SourceText
from triage.decision import Decision, Kind, ReasonKind, Route, Tier, Topic
from triage.pipeline import Pipeline, tier_by_rules
from triage.taxonomy import Catalogue

WORDS = st.sampled_from(
    [
        "燃气漏气",
        "暖气不热",
        "跳舞",
        "音箱",
        "海淀",
        "国贸",
        "怎么",
        "优惠",
        "。",
        "\n",
        "　",
        "氣",
        "吵",
        "Ａ",
    ]
)
TEXTS = st.lists(WORDS, max_size=8).map("".join) | st.text(max_size=40)
APPEALS = st.lists(TEXTS, max_size=3).map(
    lambda texts: Appeal(
        tuple(SourceText(f"message-{place}", text) for place, text in enumerate(texts))
    )
)


def one(text: str) -> Appeal:
    """An appeal of one text."""
    return Appeal((SourceText("text", text),))


@given(APPEALS)
def test_reasons_point_to_the_given_texts(pipeline: Pipeline, appeal: Appeal) -> None:
    """Every reason names a given source and a span within it; someone is always named or asked."""
    decision = pipeline.decide(appeal)
    lengths = {item.source: len(item.text) for item in appeal.texts} or {"": 0}
    for reason in decision.reasons:
        assert 0 <= reason.start <= reason.end <= lengths[reason.source]
    assert (decision.unit is None) == (decision.route is Route.PERSON)
    assert decision.reasons
    assert not decision.automatic


@given(st.lists(APPEALS, max_size=4))
@settings(max_examples=50)
def test_deciding_together_equals_deciding_alone(pipeline: Pipeline, appeals: list[Appeal]) -> None:
    """A batch gives the decisions that each appeal gets by itself."""
    assert pipeline.decide_all(appeals) == [pipeline.decide(appeal) for appeal in appeals]


@given(APPEALS)
def test_rules_alone_never_say_more_than_both(
    pipeline: Pipeline, catalogue: Catalogue, appeal: Appeal
) -> None:
    """An emergency by rules is an emergency in the decision."""
    if tier_by_rules(catalogue, appeal) is Tier.EMERGENCY:
        assert pipeline.decide(appeal).tier is Tier.EMERGENCY


@pytest.mark.parametrize(
    "text",
    ["", "   \n", "😡😡😡", "20260105", "\x00\x01\x02", "Hello there", "Привет", "\ud83d", "水"],
)
def test_unreadable_text_goes_to_a_person(pipeline: Pipeline, text: str) -> None:
    """What holds no Chinese text gets no unit, and the reason says why."""
    decision = pipeline.decide(one(text))
    assert (decision.route, decision.unit) == (Route.PERSON, None)
    assert not decision.candidates
    assert not decision.unit_set
    assert [reason.kind for reason in decision.reasons] == [ReasonKind.DOMAIN]
    assert decision.reasons[0].end == len(text)


def test_no_text_at_all_goes_to_a_person(pipeline: Pipeline) -> None:
    """An appeal of pictures only is decided on too."""
    assert pipeline.decide(Appeal(())).route is Route.PERSON


def test_very_long_text_is_decided_on(pipeline: Pipeline) -> None:
    """A hundred thousand characters get a decision like any other."""
    decision = pipeline.decide(one("暖气不热海淀" * 16_700))
    assert (decision.matter, decision.district) == ("heat-cold", "district-haidian")


def test_outside_the_domain_goes_to_a_person(pipeline: Pipeline) -> None:
    """An advertisement gets no unit, also where it uses a catalogue entry's words."""
    decision = pipeline.decide(one("暖气不热？本店优惠"))
    assert (decision.route, decision.unit, decision.matter) == (Route.PERSON, None, None)


def test_emergency_is_never_outside_the_domain(pipeline: Pipeline) -> None:
    """Danger by rules gets a unit even if the text reads like an advertisement."""
    decision = pipeline.decide(one("优惠！燃气泄漏了"))
    assert decision.tier is Tier.EMERGENCY
    assert decision.unit is not None


@pytest.mark.parametrize(
    ("text", "unit", "route"),
    [
        ("楼上吵死了", "police", Route.DIRECT),
        ("楼上吵死了怎么办", "police", Route.ANSWER),
        ("暖气不热", "heating", Route.DIRECT),
        ("暖气不热怎么办", "heating", Route.DIRECT),
        ("取暖费乱收费", "heating", Route.LEAD),
        ("村里账目不清", "district", Route.DISTRICT),
        ("海淀村里账目不清", "district-haidian", Route.DISTRICT),
        ("城区改造", "district", Route.DISTRICT),
        ("国贸城区改造", "district-chaoyang", Route.DISTRICT),
        ("海淀和朝阳的城区改造", "district", Route.DISTRICT),
        ("几个部门都不管，太吵", "police", Route.LEAD),
        ("海淀公园跳舞音箱响", "district-haidian", Route.DISTRICT),
        ("公园跳舞音箱响", "police", Route.DIRECT),
    ],
)
def test_unit_and_route(pipeline: Pipeline, text: str, unit: str, route: Route) -> None:
    """The catalogue decides the unit, else the classifier; jurisdiction last, then the route."""
    decision = pipeline.decide(one(text))
    assert (decision.unit, decision.route) == (unit, route)


def test_candidates_hold_district_once_without_the_place(pipeline: Pipeline) -> None:
    """Candidates and set name local government plainly, and add to no more than one."""
    decision = pipeline.decide(one("海淀村里账目不清"))
    codes = [candidate.code for candidate in decision.candidates]
    assert codes[0] == "district"
    assert len(codes) == len(set(codes))
    assert not any(code.startswith("district-") for code in (*codes, *decision.unit_set))
    assert sum(candidate.probability for candidate in decision.candidates) <= 1.001


def test_learned_emergency_counts_beside_the_rules(pipeline: Pipeline) -> None:
    """An emergency that no rule knows is one by the model, and the reason says so."""
    decision = pipeline.decide(one("楼里起火了"))
    assert decision.tier is Tier.EMERGENCY
    assert "模型" in decision.reasons[0].text


def test_topic_and_supporting_units_of_the_entry(pipeline: Pipeline) -> None:
    """A matched entry brings its topic and its supporting units."""
    decision = pipeline.decide(one("取暖费怎么退"))
    assert decision.topic is Topic.ECONOMY
    assert decision.supporting_units == ("development-reform",)
    assert decision.kind is Kind.INQUIRY


def test_reason_over_two_messages_is_given_for_both(pipeline: Pipeline) -> None:
    """Words that complete each other across messages count, and both places are shown."""
    appeal = Appeal((SourceText("a", "我家暖氣"), SourceText("b", "不　热")))
    decision = pipeline.decide(appeal)
    spans = [
        (reason.source, reason.start, reason.end)
        for reason in decision.reasons
        if reason.kind is ReasonKind.MATTER
    ]
    assert decision.matter == "heat-cold"
    assert spans == [("a", 2, 4), ("b", 0, 3)]


def test_decision_has_the_contract_fields_in_order() -> None:
    """The schema keeps the fields of the contract, and nothing else comes in."""
    schema = Decision.model_json_schema()
    assert list(schema["properties"]) == [
        "kind",
        "topic",
        "matter",
        "tier",
        "route",
        "unit",
        "supporting_units",
        "candidates",
        "unit_set",
        "district",
        "street",
        "reasons",
        "automatic",
        "model",
    ]
    assert schema["additionalProperties"] is False


@given(APPEALS)
@settings(max_examples=30)
def test_decision_survives_json(pipeline: Pipeline, appeal: Appeal) -> None:
    """A decision read back from JSON is the same."""
    decision = pipeline.decide(appeal)
    assert Decision.model_validate_json(decision.model_dump_json()) == decision
