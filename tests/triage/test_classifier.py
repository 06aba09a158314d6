"""Features and the linear classifier, over a tiny bundle and over the shipped one."""

import re
from itertools import pairwise
from typing import Any

import jieba
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from models.bundle import Bundle, BundleError, load_bundle, shipped_folder
from tests.triage.conftest import CALIBRATION
from triage.calibration import blend, conformal_set, honest, sigmoid, softmax
from triage.classifier.blended import BlendedClassifier
from triage.classifier.features import FIELDS, GRAMS, PAIRS, WORDS, Vocabulary, features
from triage.classifier.heads import HEADS
from triage.decision import Kind, Tier, Topic
from triage.text.segment import words

HEAD_NAMES: dict[str, list[str]] = {
    "unit": ["heating", "police"],
    "tier": list(Tier),
    "kind": list(Kind),
    "topic": list(Topic),
    "domain": ["appeal"],
    "several": ["several"],
}
COLUMNS = sum(len(names) for names in HEAD_NAMES.values())
VOCABULARY = {"words": ["噪声", "暖气"], "pairs": ["暖气不热"], "grams": ["暖气"]}


def tiny(**changes: NDArray[Any]) -> Bundle:
    """A bundle that knows 暖气 as heating's and 噪声 as the police's."""
    weights = np.zeros((4, COLUMNS), dtype=np.int8)
    weights[0, 1] = weights[1, 0] = 100
    card = {
        "name": "tiny",
        "version": "1",
        "heads": HEAD_NAMES,
        "calibration": CALIBRATION.model_dump() | {"temperatures": dict.fromkeys(HEADS, 1.0)},
    }
    arrays: dict[str, NDArray[Any]] = {
        "weights": weights,
        "scales": np.full(COLUMNS, 0.05, dtype=np.float32),
        "biases": np.zeros(COLUMNS, dtype=np.float32),
        "idf": np.ones(4, dtype=np.float32),
    }
    return Bundle(card, {**arrays, **changes}, VOCABULARY)


def test_known_words_decide() -> None:
    """The unit whose words occur is the more probable, and those words are the evidence."""
    heating, police = BlendedClassifier(tiny()).predict(["家里暖气坏了", "半夜噪声"])
    assert heating.units["heating"] > 0.9
    assert heating.evidence == ("暖气",)
    assert police.units["police"] > 0.9
    assert sum(police.units.values()) == pytest.approx(1)


def test_text_without_known_features_is_undecided() -> None:
    """Nothing known, nothing claimed."""
    (prediction,) = BlendedClassifier(tiny()).predict([""])
    assert prediction.units == pytest.approx({"heating": 0.5, "police": 0.5})
    assert prediction.evidence == ()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("weights", np.zeros((3, COLUMNS), dtype=np.int8)),
        ("weights", np.zeros((4, COLUMNS), dtype=np.float32)),
        ("idf", np.ones(5, dtype=np.float32)),
        ("biases", np.zeros(1, dtype=np.float32)),
    ],
)
def test_parts_that_do_not_fit_are_refused(name: str, value: NDArray[Any]) -> None:
    """Arrays of the wrong shape or type make no classifier."""
    with pytest.raises(BundleError):
        BlendedClassifier(tiny(**{name: value}))


def test_card_without_heads_is_refused() -> None:
    """A card of some other kind of model makes no classifier."""
    bundle = tiny()
    with pytest.raises(BundleError):
        BlendedClassifier(Bundle({"name": "x", "version": "1"}, bundle.arrays, VOCABULARY))


def test_features_hold_no_digits() -> None:
    """Numbers break words and pairs apart and are never features themselves."""
    found = features("我家123号楼停水，电话13800138000，a区")
    assert not [item for name in FIELDS for item in found[name] if re.search(r"\d|a", item)]
    assert "停水" in found[WORDS]
    assert not [item for item in found[PAIRS] if "家号" in item]


@given(st.text(st.sampled_from("停水热电不有我家里的暖气a1，。 \n"), max_size=60))
def test_reading_a_text_counts_its_features(text: str) -> None:
    """The quick way of the service sees what training sees."""
    vocabulary = Vocabulary(
        {
            WORDS: ["停水", "暖气", "不"],
            PAIRS: ["我家", "家里"],
            GRAMS: ["停水", "水热", "不热", "暖气不", "家里的暖", "气不"],
        }
    )
    assert vocabulary.read(text) == vocabulary.counts(features(text))


@pytest.mark.parametrize(
    "text",
    [
        "家里的暖气一直不热，孩子都冻感冒了",
        "小区门口的路灯坏了半个月没有人来修理",
        "公司拖欠农民工工资三个月，请劳动监察部门处理",
        "地铁站里的电梯停运，老人上下很不方便",
    ],
)
def test_cutter_cuts_as_jieba_does(text: str) -> None:
    """The fast cutter gives jieba's own words."""
    assert words(text) == jieba.lcut(text)


@given(st.text(max_size=60))
@settings(max_examples=50)
def test_shipped_classifier_reads_any_text(text: str) -> None:
    """The bundle that ships gives probabilities for whatever it is given."""
    (prediction,) = SHIPPED.predict([text])
    for shares in (prediction.units, prediction.tiers, prediction.kinds, prediction.topics):
        assert sum(shares.values()) == pytest.approx(1, abs=1e-4)
    assert 0 <= prediction.in_domain <= 1
    assert all(word in text for word in prediction.evidence)


SHIPPED = BlendedClassifier(load_bundle(shipped_folder()))


def test_shipped_vocabulary_holds_no_digits() -> None:
    """No telephone number, no house number, no date can hide in what ships."""
    vocabulary = load_bundle(shipped_folder()).vocabulary
    assert not [item for items in vocabulary.values() for item in items if re.search(r"\d", item)]


def test_shipped_bundle_is_small() -> None:
    """The bundle stays below its limit of 30 MB."""
    assert sum(path.stat().st_size for path in shipped_folder().iterdir()) < 30_000_000


@given(st.lists(st.floats(-50, 50), min_size=1, max_size=6), st.floats(0.1, 5))
def test_softmax_is_a_distribution(logits: list[float], temperature: float) -> None:
    """Probabilities add to one and keep the order of the scores."""
    shares = softmax(logits, temperature)
    assert sum(shares) == pytest.approx(1)
    assert shares[logits.index(max(logits))] == max(shares)


def test_sigmoid_bears_extremes() -> None:
    """Scores without measure give zero and one, not an overflow."""
    assert sigmoid(-1e9) < 1e-9
    assert sigmoid(1e9) > 1 - 1e-9
    assert sigmoid(0.0) == 0.5


def test_blend_mixes_by_trust() -> None:
    """Claims weigh as much as they are trusted, also for names that were not learned."""
    assert blend({"a": 0.5, "b": 0.5}, {}, 0.8) == {"a": 0.5, "b": 0.5}
    mixed = blend({"a": 0.5, "b": 0.5}, {"c": 1.0}, 0.8)
    assert mixed == pytest.approx({"a": 0.1, "b": 0.1, "c": 0.8})


def test_conformal_set_holds_the_first_and_the_probable() -> None:
    """The deciding unit is always in the set, others from the threshold on."""
    shares = {"a": 0.04, "b": 0.5, "c": 0.05, "d": 0.01}
    assert conformal_set(["a", "b", "c", "d"], shares, 0.05) == ("a", "b", "c")


KNOTS = ((0.2, 0.25), (0.6, 0.5), (0.9, 0.7), (1.0, 0.95))


@given(st.lists(st.floats(0.001, 1), min_size=2, max_size=8, unique=True))
def test_honest_probabilities_keep_sum_and_order(weights: list[float]) -> None:
    """What is taken from the first goes to the others, and none overtakes it."""
    total = sum(weights)
    said = {f"unit-{number}": weight / total for number, weight in enumerate(weights)}
    found = honest(said, KNOTS)
    assert sum(found.values()) == pytest.approx(1)
    # Two that are all but alike may become alike; two that are alike have no order.
    in_order = [found[name] for name in sorted(said, key=lambda name: (said[name], found[name]))]
    assert all(less <= more + 1e-12 for less, more in pairwise(in_order))


def test_first_unit_says_how_often_such_a_one_was_right() -> None:
    """Between two knots the line is straight; without knots nothing changes."""
    said = {"gas": 0.75, "heating": 0.15, "housing": 0.1}
    assert honest(said, KNOTS)["gas"] == pytest.approx(0.6)
    assert honest(said, KNOTS)["heating"] == pytest.approx(0.24)
    assert honest(said, ()) == said


def test_probabilities_stay_where_the_order_would_not() -> None:
    """A first unit that would fall below the second keeps what was said of it."""
    said = {"gas": 0.5, "heating": 0.49, "housing": 0.01}
    assert honest(said, ((0.0, 0.0), (1.0, 0.5))) == said
