"""Units and entries that a clerk adds after the model was trained."""

from collections.abc import Mapping

import pytest

from tests.triage.conftest import CALIBRATION, CueClassifier
from triage.appeal import Appeal, SourceText
from triage.likeness import Likeness, pairs_of
from triage.newcomers import newcomers
from triage.pipeline import Pipeline
from triage.taxonomy import Catalogue, parse_catalogue

ARCHIVES = "archives,市档案局,department,档案查询、婚姻档案复印、地契存档\n"
ENTRY = """
- id: old-deeds
  name: 老地契
  topic: 政法
  area: null
  lead: police
  supporting: []
  words: [地契/房契]
  examples: [家里翻出一张民国的房契]
"""


@pytest.fixture
def grown(files: Mapping[str, str]) -> Catalogue:
    """The small catalogue with one unit more."""
    return parse_catalogue({**files, "units.csv": files["units.csv"] + ARCHIVES})


def decided(catalogue: Catalogue, text: str, classifier: CueClassifier | None = None) -> list[str]:
    """The candidates for a text."""
    pipeline = Pipeline(catalogue, classifier or CueClassifier())
    decision = pipeline.decide(Appeal((SourceText("text", text),)))
    return [candidate.code for candidate in decision.candidates]


def test_new_unit_is_a_candidate_by_its_duties(grown: Catalogue, catalogue: Catalogue) -> None:
    """Without retraining, a text that speaks of a new unit's duty names it."""
    text = "想去办婚姻档案复印，要带什么"
    assert "archives" in decided(grown, text)
    assert "archives" not in decided(catalogue, text)


def test_new_unit_does_not_push_into_what_is_not_its_own(grown: Catalogue) -> None:
    """A text without anything of its duties leaves it out."""
    assert "archives" not in decided(grown, "邻居半夜吵得睡不着")


def test_probabilities_still_add_to_one(grown: Catalogue) -> None:
    """The known units make room for the new one."""
    pipeline = Pipeline(grown, CueClassifier())
    (judgement,) = pipeline.judge([Appeal((SourceText("text", "档案查询"),))])
    assert sum(judgement.routing.probabilities.values()) == pytest.approx(1)


def test_entry_that_training_did_not_know_decides(files: Mapping[str, str]) -> None:
    """A new entry names the unit whatever the model thinks; a known one may be outvoted."""
    text = "城区里翻出一张房契，不知道怎么办"
    grown = parse_catalogue({**files, "catalogue.yaml": files["catalogue.yaml"] + ENTRY})
    (entry,) = (matter for matter in grown.matters.matters if matter.id == "old-deeds")

    class Trained(CueClassifier):
        calibration = CALIBRATION.model_copy(
            update={"matters": (entry.digest,), "matter_weight": 0.1}
        )

    assert decided(grown, text)[0] == "police"
    assert decided(grown, text, Trained())[0] == "district"


def test_entry_that_decides_is_not_outvoted(files: Mapping[str, str]) -> None:
    """An entry that was right nearly always names the unit, also where the model disagrees."""
    entry = ENTRY.replace("  supporting", "  decides: true\n  supporting")
    grown = parse_catalogue({**files, "catalogue.yaml": files["catalogue.yaml"] + entry})

    class Trained(CueClassifier):
        calibration = CALIBRATION.model_copy(
            update={"matters": tuple(item.digest for item in grown.matters.matters),
                    "matter_weight": 0.1}
        )  # fmt: skip

    assert decided(grown, "城区里翻出一张房契，不知道怎么办", Trained())[0] == "police"


def test_changed_entry_counts_as_new(files: Mapping[str, str]) -> None:
    """The digest changes with words and lead, not with the examples."""
    first, other, same = (
        parse_catalogue({**files, "catalogue.yaml": files["catalogue.yaml"] + text})
        .matters.matters[-1]
        .digest
        for text in (
            ENTRY,
            ENTRY.replace("房契]", "房契/田契]"),
            ENTRY.replace("一张民国", "两张清代"),
        )
    )
    assert first == same != other


def test_likeness_needs_something_in_common() -> None:
    """No shared pair of characters, no probability; a whole phrase, the most."""
    likeness = Likeness(bias=-6.0, weight=6.0)
    assert likeness.probability(0.0) == 0.0
    assert likeness.probability(1.0) == pytest.approx(0.5)


def test_newcomers_are_what_the_model_does_not_know(grown: Catalogue) -> None:
    """Districts are never newcomers; a unit's own phrase fits it wholly."""
    known = {unit.code for unit in grown.units.values()} - {"archives"}
    (unit,) = newcomers(grown, known)
    assert unit.code == "archives"
    assert unit.share(pairs_of("想问档案查询在哪")) == 1.0
