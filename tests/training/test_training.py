"""Training: settings, corpus, groups, thresholds, and a whole run on a few lines."""

import json
from pathlib import Path

import numpy as np
import pytest
import typer
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from models.bundle import load_bundle, save_bundle
from tests.training.conftest import TAILS, small
from training import cli
from training.config import DEFAULT_CONFIG, ConfigError, read_config
from training.corpus import PASSAGE, CorpusError, read_corpus
from training.dataset import prepare
from training.estimates import first_knots, precise_threshold, set_threshold, temperature
from training.groups import folds, groups
from training.metrics import calibration_error, macro_f1, recall_precision
from training.train import train
from training.vocabulary import allowed, person_names
from triage.classifier.blended import BlendedClassifier
from triage.pipeline import Appeal, Pipeline, SourceText
from triage.taxonomy import Catalogue


def test_run_gives_a_bundle_that_triage_can_use(
    own: Path, tmp_path: Path, catalogue: Catalogue
) -> None:
    """From lines of text to a decision, by way of a bundle on disk."""
    trained = train(read_corpus(catalogue, 1, own=own), catalogue, small())
    save_bundle(trained.bundle, tmp_path / "bundle")
    classifier = BlendedClassifier(load_bundle(tmp_path / "bundle"))
    pipeline = Pipeline(catalogue, classifier)
    decision = pipeline.decide(Appeal((SourceText("text", "邻居家噪声大，睡不着觉"),)))
    assert decision.unit == "police"
    assert trained.figures["written"]["unit_rows"] == 48


def test_same_seed_same_bundle(own: Path, tmp_path: Path, catalogue: Catalogue) -> None:
    """A run is repeatable to the byte."""
    cards = [
        save_bundle(
            train(read_corpus(catalogue, 1, own=own), catalogue, small()).bundle, tmp_path / name
        )
        for name in ("one", "two")
    ]
    assert cards[0] == cards[1]


def test_unknown_setting_is_refused(tmp_path: Path) -> None:
    """A misspelt key is named, not ignored."""
    path = tmp_path / "config.toml"
    path.write_text(DEFAULT_CONFIG.read_text("utf-8") + "\n[heads.mood]\nstrength = 1\n", "utf-8")
    with pytest.raises(ConfigError, match="mood"):
        read_config(path)


def test_bad_row_is_named_with_its_line(own: Path, catalogue: Catalogue) -> None:
    """A label that does not exist is refused with file and line."""
    path = own / "written" / "test.jsonl"
    path.write_text(path.read_text("utf-8").replace('"tier": "general"', '"tier": "huge"', 1))
    with pytest.raises(CorpusError, match=r"test\.jsonl, line \d+.*huge"):
        read_corpus(catalogue, 1, own=own)


def test_near_duplicates_share_a_group_and_a_fold() -> None:
    """Texts that share most words stay on one side of every split."""
    words = [f"词{number}" for number in range(40)]
    found = groups([words, [*words[:-1], "别"], [f"字{n}" for n in range(40)], []], seed=1)
    assert found[0] == found[1]
    assert len({found[0], found[2], found[3]}) == 3
    fold = folds(found, 2, seed=1)
    assert fold[0] == fold[1]


def test_passages_are_left_out_with_their_row(own: Path, catalogue: Catalogue) -> None:
    """What is cut from a long appeal is in its group, so that no model scored it that knew it."""
    path = own / "written" / "test.jsonl"
    first = json.loads(path.read_text("utf-8").splitlines()[0])
    letter = {**first, "id": "letter", "text": "，".join(TAILS) * 3}
    with path.open("a", encoding="utf-8") as file:
        file.write(f"{json.dumps(letter)}\n")
    dataset = prepare(read_corpus(catalogue, 1, own=own), catalogue, small())
    passages = [row for row, item in enumerate(dataset.examples) if item.origin == PASSAGE]
    names = [item.id for item in dataset.examples]
    assert [names[row] for row in passages] == ["letter"]
    assert dataset.group[passages[0]] == dataset.group[names.index("letter")]


def test_folds_cover_all_numbers() -> None:
    """Every fold gets its part of the groups."""
    assert sorted(set(folds(np.arange(10), 5, seed=3).tolist())) == [0, 1, 2, 3, 4]


def test_names_of_persons_are_no_features() -> None:
    """A name, what holds it, a title after a surname, and digits stay out."""
    names = person_names(["张伟强来过", "张伟强说了", "暖气不热"])
    assert "张伟强" in names
    assert not allowed("张伟强说", names)
    assert not allowed("李先生", names)
    assert not allowed("3号楼", names)
    assert allowed("暖气", names)


@given(st.lists(st.tuples(st.floats(0, 1), st.booleans()), max_size=40), st.floats(0.1, 0.9))
def test_threshold_keeps_its_precision(rows: list[tuple[float, bool]], least: float) -> None:
    """What reaches the threshold is right often enough, on the rows it was chosen on."""
    scores, right = [row[0] for row in rows], [row[1] for row in rows]
    found = precise_threshold(scores, right, least)
    chosen = [flag for score, flag in rows if score >= found.value]
    if found.recall:
        assert sum(chosen) / len(chosen) >= least - 1e-9
    else:
        assert found.value == 1.0


def test_set_threshold_covers_the_wanted_share() -> None:
    """At least the wanted share of right units reaches the threshold."""
    right = [number / 100 for number in range(100)]
    value = set_threshold(right, 0.9)
    assert sum(score >= value for score in right) >= 90
    assert set_threshold([], 0.9) == 0.0


def test_temperature_cools_overconfident_scores() -> None:
    """Scores that are surer than they are right get a temperature above one."""
    logits = np.array([[4.0, 0.0]] * 10, dtype=np.float32)
    assert temperature(logits, np.array([0] * 7 + [1] * 3)) > 1.5


def test_metrics_by_hand() -> None:
    """Recall, precision, macro-F1 and calibration error as worked out on paper."""
    assert recall_precision([True, True, False], [True, False, True]) == (0.5, 0.5)
    assert recall_precision([False], [False]) == (None, None)
    assert macro_f1(["a", "a", "b"], ["a", "b", "b"]) == pytest.approx(0.6667, abs=1e-4)
    assert calibration_error([(0.9, True), (0.9, False)], bins=1) == pytest.approx(0.4)


def test_commands_work_from_the_command_line(tmp_path: Path) -> None:
    """`evaluate` judges the shipped bundle; `train` says what is wrong with its settings."""
    app = typer.Typer()
    app.command()(cli.evaluate)
    app.command()(cli.train)
    judged = CliRunner().invoke(app, ["evaluate", "--json"])
    assert judged.exit_code == 0
    assert json.loads(judged.stdout)["written"]["unit_rows"] > 0
    refused = CliRunner().invoke(app, ["train", "--config", str(tmp_path / "none.toml")])
    assert refused.exit_code == 1
    assert "none.toml" in refused.output


def test_curve_of_the_first_unit_follows_what_was_right() -> None:
    """Said 0.9 and right in six of ten, the curve says about 0.6; few rows give no curve."""
    said = [0.3] * 500 + [0.9] * 500
    right = [number % 10 < 3 for number in range(500)] + [number % 10 < 6 for number in range(500)]
    curve = first_knots(said, right)
    assert curve[0] == pytest.approx((0.3, 0.3))
    assert curve[-1] == pytest.approx((0.9, 0.6))
    assert first_knots(said[:100], right[:100]) == ()
