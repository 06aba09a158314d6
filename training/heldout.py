"""Cross-validation: scores of every row by a model that has not seen its group."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from training.config import Config
from training.corpus import PASSAGE, SCORED, TOPIC_ROWS, Example
from training.dataset import Dataset
from training.fit import fit
from training.groups import folds
from triage.calibration import Calibration
from triage.classifier.heads import DOMAIN, KIND, SEVERAL, TIER, TOPIC, UNIT, read_scores
from triage.classifier.port import Prediction
from triage.decision import Decision, ModelVersion
from triage.pipeline import Appeal, Judgement, Pipeline, SourceText
from triage.taxonomy import Catalogue
from triage.text.normalise import normalise

Score = Callable[[list[int], list[int]], NDArray[np.float32]]


@dataclass(frozen=True, slots=True)
class HeldOut:
    """`scores` (float32) of the judged rows, by models that have not seen their groups.

    `passages` are the scores of long rows' passages, by their normalised texts.
    """

    examples: list[Example]
    scores: NDArray[np.float32]
    fold: NDArray[np.intp]
    passages: Mapping[str, NDArray[np.float32]]


class StoredClassifier:
    """Stands in for a classifier: reads stored scores instead of the text."""

    def __init__(
        self, held: HeldOut, heads: Mapping[str, Sequence[str]], calibration: Calibration
    ) -> None:
        self.calibration = calibration
        self.version = ModelVersion(name="held-out", version="0")
        self.units = heads[UNIT]
        self._heads = heads
        self._scores = {
            normalise(example.text).text: scores
            for example, scores in zip(held.examples, held.scores, strict=True)
        } | dict(held.passages)

    def predict(self, texts: Sequence[str]) -> list[Prediction]:
        """Predictions for texts of the held-out rows and their passages; KeyError for any other."""
        return [read_scores(self._scores[text], self._heads, self.calibration) for text in texts]


def cross_validate(dataset: Dataset, heads: Mapping[str, Sequence[str]], config: Config) -> HeldOut:
    """Fit once for every fold and score the rows left out."""

    def score(taught: list[int], left_out: list[int]) -> NDArray[np.float32]:
        weights = fit(dataset.matrix, dataset.examples, taught, heads, config)
        raw = dataset.matrix[left_out] @ weights.values.astype(np.float32)
        scores: NDArray[np.float32] = raw * weights.scales + weights.biases
        return scores

    return hold_out(dataset, config, score)


def hold_out(dataset: Dataset, config: Config, score: Score) -> HeldOut:
    """What models say that were taught without a fold, for every fold.

    `score` teaches a model the rows of the first list, and returns its scores, (rows, columns), of
    those of the second.
    """
    fold = folds(dataset.group, config.folds, config.seed)
    scored = np.array([example.origin in SCORED for example in dataset.examples])
    found: dict[int, NDArray[np.float32]] = {}
    for number in range(config.folds):
        left_out = scored & (fold == number)
        rows = np.flatnonzero(left_out).tolist()
        scores = score(np.flatnonzero(~left_out).tolist(), rows)
        found |= dict(zip(rows, scores, strict=True))
    examples = dataset.examples
    judged = [row for row in sorted(found) if examples[row].origin != PASSAGE]
    return HeldOut(
        [examples[row] for row in judged],
        np.stack([found[row] for row in judged]),
        fold[judged],
        {examples[row].text: found[row] for row in found if examples[row].origin == PASSAGE},
    )


def judge(
    held: HeldOut,
    heads: Mapping[str, Sequence[str]],
    calibration: Calibration,
    catalogue: Catalogue,
) -> list[Judgement]:
    """What rules and stored scores make of the held-out rows."""
    pipeline = Pipeline(catalogue, StoredClassifier(held, heads, calibration))
    return pipeline.judge(_appeals(held))


def decide(
    held: HeldOut,
    heads: Mapping[str, Sequence[str]],
    calibration: Calibration,
    catalogue: Catalogue,
    admitted_error: float,
) -> list[Decision]:
    """What the pipeline decides on the held-out rows."""
    classifier = StoredClassifier(held, heads, calibration)
    return Pipeline(catalogue, classifier, admitted_error).decide_all(_appeals(held))


def _appeals(held: HeldOut) -> list[Appeal]:
    return [Appeal((SourceText("text", example.text),)) for example in held.examples]


def class_of(example: Example, heads: Mapping[str, Sequence[str]], head: str) -> int | None:
    """The class number that an example's label has in a head; None if it has no such label."""
    labels = {
        UNIT: example.unit,
        TIER: example.tier,
        KIND: example.kind,
        TOPIC: example.topic,
        SEVERAL: example.several,
        DOMAIN: None if example.origin == TOPIC_ROWS else example.in_domain,
    }
    label = labels[head]
    if label is None or isinstance(label, bool):
        return None if label is None else int(label)
    return heads[head].index(label)
