"""One training run: corpus in, bundle and its figures out."""

from collections import Counter
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.bundle import Bundle, EncoderFiles
from training.calibrate import calibrate
from training.config import Config
from training.corpus import Corpus
from training.dataset import Dataset, prepare
from training.evaluate import Figures, figures_by_source
from training.fit import Weights, fit, head_names
from training.heldout import cross_validate, decide
from triage.calibration import Calibration
from triage.taxonomy import Catalogue

_LIBRARIES = ("numpy", "scipy", "scikit-learn", "rjieba")
_LINEAR = "Linear classifier over words, pairs of words and character n-grams, int8."
_BLEND = f"{_LINEAR} Mixed, head by head, with an encoder fine-tuned for all heads, ONNX, int8."
_LIMITS = (
    "Emergencies are rare among real appeals: rules carry them, the learned tier only adds.",
    "The rows are drawn rich in danger and utility words, so their rates are not natural.",
    "Thresholds are chosen on the rows that the figures are of, which flatters them a little.",
    "Most real rows come from other cities; Beijing's units other than the bus company are thin.",
    "Topics without outside rows are known from written appeals and a few labelled rows alone.",
    "Pre-training has seen the texts of held-out rows, never their labels.",
)


@dataclass(frozen=True, slots=True)
class Trained:
    """The bundle, and what the pipeline does with it on rows that it has not seen."""

    bundle: Bundle
    figures: dict[str, Figures]


def train(
    corpus: Corpus, catalogue: Catalogue, config: Config, encoder: Path | None = None
) -> Trained:
    """Cross-validate, calibrate on the held-out scores, then fit on everything.

    `encoder` is a folder with a pretrained encoder, which is fine-tuned beside the linear model.
    """
    dataset = prepare(corpus, catalogue, config)
    heads = head_names(catalogue)
    held = cross_validate(dataset, heads, config)
    tuned = None
    if encoder is not None:
        # torch is heavy, and who trains the linear model alone does without it.
        from training.encoder.stage import tune

        tuned = tune(encoder, dataset, held, heads, config)
        held = tuned.held
    calibration = calibrate(held, heads, catalogue, config)
    admitted = config.calibration.admitted_error
    decisions = decide(held, heads, calibration, catalogue, admitted)
    figures = figures_by_source(list(zip(held.examples, decisions, strict=True)))
    everything = range(len(dataset.examples))
    weights = fit(dataset.matrix, dataset.examples, everything, heads, config)
    card = _card(corpus, dataset, config, heads, calibration, figures)
    if tuned is not None:
        card["about"] = _BLEND
        card["encoder"] = {"tokens": config.encoder.tokens, "blend": tuned.blend}
    return Trained(_bundle(card, dataset, weights, tuned.files if tuned else None), figures)


def _bundle(
    card: dict[str, Any], dataset: Dataset, weights: Weights, encoder: EncoderFiles | None
) -> Bundle:
    arrays: dict[str, NDArray[Any]] = {
        "weights": weights.values,
        "scales": weights.scales,
        "biases": weights.biases,
        "idf": dataset.idf.astype(np.float32),
    }
    return Bundle(card, arrays, dataset.vocabulary, encoder)


def _card(
    corpus: Corpus,
    dataset: Dataset,
    config: Config,
    heads: dict[str, list[str]],
    calibration: Calibration,
    figures: dict[str, Figures],
) -> dict[str, Any]:
    origins = Counter(example.origin for example in corpus.examples)
    return {
        "name": config.name,
        "version": config.version,
        "about": _LINEAR,
        "heads": heads,
        "calibration": calibration.model_dump(mode="json"),
        "config": config.model_dump(),
        "data": {
            "rows": dict(sorted(origins.items())),
            "groups": len(np.unique(dataset.group)),
            "files_sha256": dict(sorted(corpus.files.items())),
        },
        "vocabulary": {name: len(items) for name, items in dataset.vocabulary.items()},
        "figures": {
            "method": f"{config.folds}-fold cross-validation, near-duplicates in one fold, "
            "through the whole pipeline with rules and catalogue",
            **figures,
        },
        "libraries": {name: version(name) for name in _LIBRARIES},
        "limits": list(_LIMITS),
    }
