"""Fitting the heads of the linear classifier and packing them into int8 weights."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import cholesky, solve_triangular
from scipy.sparse import csr_matrix
from sklearn.linear_model import LogisticRegression

from training.config import Config, WeightsConfig
from training.corpus import (
    DUTIES,
    EXAMPLES,
    LABELLED,
    LAWS,
    TOPIC_ROWS,
    WRITTEN,
    Example,
)
from triage.classifier.heads import (
    DOMAIN,
    HEADS,
    KIND,
    SEVERAL,
    TIER,
    TOPIC,
    UNIT,
    head_columns,
)
from triage.decision import DISTRICT, Kind, Tier, Topic
from triage.taxonomy import Catalogue

#: One column each; the class is what the probability is of.
_BINARY = {DOMAIN: ("appeal",), SEVERAL: ("several",)}
_ITERATIONS = 200
#: Up to so many rows a head is fitted in the basis of its rows.
_FEW_ROWS = 12000
#: Keeps rows that say the same from having no span of their own.
_JITTER = 1e-5
_INT8 = 127
#: Score of a class that no row taught, so that it is never chosen.
_NEVER = -30.0


@dataclass(frozen=True, slots=True)
class Weights:
    """Scores are `(x @ values) * scales + biases`; `values` is int8 (features, columns)."""

    values: NDArray[np.int8]
    scales: NDArray[np.float32]
    biases: NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class _Labels:
    """Rows that teach one head, their class numbers, and how much each counts."""

    rows: list[int]
    classes: list[int]
    weights: list[float]


def head_names(catalogue: Catalogue) -> dict[str, list[str]]:
    """The class names of every head, in column order."""
    units = [unit.code for unit in catalogue.units.values() if unit.kind != DISTRICT]
    return {
        UNIT: [*units, DISTRICT],
        TIER: list(Tier),
        KIND: list(Kind),
        TOPIC: list(Topic),
        **{head: list(names) for head, names in _BINARY.items()},
    }


def fit(
    matrix: csr_matrix,
    examples: Sequence[Example],
    rows: Sequence[int],
    heads: Mapping[str, Sequence[str]],
    config: Config,
) -> Weights:
    """Fit every head on those of `rows` that are labelled for it, and pack the weights."""
    columns = head_columns(heads)
    width = columns[HEADS[-1]].stop
    dense = np.zeros((matrix.shape[1], width), dtype=np.float32)
    biases = np.zeros(width, dtype=np.float32)
    for head in HEADS:
        labels = _labels(head, examples, rows, heads, config)
        strength: float = getattr(config.heads, head).strength
        dense[:, columns[head]], biases[columns[head]] = _fit_head(
            matrix, labels, len(heads[head]), strength, config.seed
        )
    scales = np.maximum(np.abs(dense).max(axis=0), 1e-9).astype(np.float32) / _INT8
    return Weights(np.rint(dense / scales).astype(np.int8), scales, biases)


def _fit_head(
    matrix: csr_matrix, labels: _Labels, width: int, strength: float, seed: int
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Coefficients (features, width) and biases (width,) of one head."""
    coefficients = np.zeros((matrix.shape[1], width), dtype=np.float32)
    biases = np.full(width, _NEVER if width > 1 else 0.0, dtype=np.float32)
    seen = sorted(set(labels.classes))
    if len(seen) < 2:
        # Nothing to tell apart: the only class there is, or for two-class heads a plain yes or no.
        biases[seen if width > 1 else 0] = 0.0 if width > 1 else (5.0 if seen == [1] else -5.0)
        return coefficients, biases
    rows, places = np.unique(labels.rows, return_inverse=True)
    model = LogisticRegression(C=strength, max_iter=_ITERATIONS, random_state=seed, tol=1e-3)
    if len(rows) <= _FEW_ROWS:
        basis = _basis(matrix[rows])
        model.fit(basis[places], labels.classes, sample_weight=labels.weights)
        shares = solve_triangular(basis, model.coef_.T, lower=True, trans="T")
        found = matrix[rows].T @ shares
    else:
        model.fit(matrix[rows][places], labels.classes, sample_weight=labels.weights)
        found = model.coef_.T
    columns = seen if len(seen) > 2 else [seen[1]] if width > 1 else [0]
    coefficients[:, columns], biases[columns] = found, model.intercept_
    if width > 1 and len(seen) == 2:
        biases[seen[0]] = 0.0
    return coefficients, biases


def _basis(matrix: csr_matrix) -> NDArray[np.float32]:
    """The rows in a basis of their own span: the Cholesky factor of their products.

    Coefficients in it have the length that they have over features, so that the penalised optimum
    is the same, and with fewer rows than features it is found many times faster.
    """
    products = (matrix @ matrix.T).toarray().astype(np.float64)
    products[np.diag_indices_from(products)] += _JITTER
    factor: NDArray[np.float64] = cholesky(products, lower=True, overwrite_a=True)
    return factor.astype(np.float32)


def _labels(
    head: str,
    examples: Sequence[Example],
    rows: Sequence[int],
    heads: Mapping[str, Sequence[str]],
    config: Config,
) -> _Labels:
    labels = _Labels([], [], [])
    for row in rows:
        for name, weight in _taught(head, examples[row], config):
            labels.rows.append(row)
            labels.classes.append(
                int(name == "yes") if head in _BINARY else heads[head].index(name)
            )
            labels.weights.append(weight)
    return labels


def head_targets(
    head: str, examples: Sequence[Example], heads: Mapping[str, Sequence[str]], config: Config
) -> NDArray[np.float32]:
    """What each example says to a head: weights, (examples, classes); no and yes if there are two.

    A row of zeros stands for an example that says nothing.
    """
    names = ["no", "yes"] if head in _BINARY else heads[head]
    targets = np.zeros((len(examples), len(names)), dtype=np.float32)
    for row, example in enumerate(examples):
        for name, weight in _taught(head, example, config):
            targets[row, names.index(name)] += weight
    return targets


def _taught(head: str, example: Example, config: Config) -> Iterator[tuple[str, float]]:
    """What one example says to one head: class names, `yes` or `no` for two-class heads."""
    weight = _weight(head, example.origin, config.weights)
    if head == DOMAIN:
        if not example.in_domain:
            yield "no", config.weights.outside
        elif example.origin in (LABELLED, WRITTEN, EXAMPLES, DUTIES):
            yield "yes", 1.0
    elif head == SEVERAL:
        if example.several is not None:
            yield ("yes" if example.several else "no"), weight
    elif head == UNIT:
        if example.unit is not None:
            yield example.unit, weight
            for code in dict.fromkeys(example.also):
                yield code, weight * config.weights.also / len(example.also)
    else:
        name: str | None = getattr(example, head)
        if name is not None:
            yield name, weight


def _weight(head: str, origin: str, weights: WeightsConfig) -> float:
    """What a row of this origin counts for a head."""
    if head == TOPIC and origin == LABELLED:
        return weights.labelled_topics
    return {
        LABELLED: weights.labelled,
        WRITTEN: weights.written,
        DUTIES: weights.duties,
        EXAMPLES: weights.examples,
        LAWS: weights.laws,
        TOPIC_ROWS: weights.topics,
    }.get(origin, 1.0)
