"""The evidence for the rule of automatic decisions, from judgements on held-out rows."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler

from training.config import Config
from training.corpus import LABELLED, WRITTEN, Example
from training.metrics import upper_end
from triage.automatic import NEVER, AutomaticRule, Step
from triage.decision import DISTRICT, URGENCY
from triage.pipeline import Judgement
from triage.routing import without_place

#: Levels of risk that are counted, and the first of them: fewer rows would prove nothing.
_STEPS, _FIRST_STEP = 40, 4
_FEWEST_ROWS = 200


def automatic_rule(
    examples: Sequence[Example],
    judgements: Sequence[Judgement],
    fold: NDArray[np.intp],
    config: Config,
) -> AutomaticRule:
    """Fit the risk, and count by folds what passes at each level of it.

    The count of a row rests on a risk that was fitted without its fold. Of rows whose unit would
    still lack its place, none could pass, and they are left out.
    """
    judged = [
        (number, judgement.grounds(), is_wrong(example, judgement))
        for number, (example, judgement) in enumerate(zip(examples, judgements, strict=True))
        if example.origin in (LABELLED, WRITTEN) and judgement.routing.unit not in (None, DISTRICT)
    ]
    if len(judged) < _FEWEST_ROWS or len({wrong for _, _, wrong in judged}) < 2:
        return NEVER
    names = sorted(judged[0][1])
    inputs = np.array([[known[name] for name in names] for _, known, _ in judged])
    wrong = np.array([item for _, _, item in judged])
    of_fold = fold[[number for number, _, _ in judged]]
    risks = np.zeros(len(judged))
    for left_out in np.unique(of_fold):
        inside = of_fold == left_out
        weights, bias = _fit(inputs[~inside], wrong[~inside], config.seed)
        risks[inside] = 1 / (1 + np.exp(-(inputs[inside] @ weights + bias)))
    weights, bias = _fit(inputs, wrong, config.seed)
    return AutomaticRule(
        weights=dict(zip(names, np.round(weights, 5).tolist(), strict=True)),
        bias=round(bias, 5),
        steps=_steps(risks, wrong),
    )


def is_wrong(example: Example, judgement: Judgement) -> bool:
    """Whether letting it through would be an error: unit not acceptable, or tier too low."""
    assert example.unit is not None
    assert example.tier is not None
    unit = without_place(judgement.routing.unit or "")
    too_low = URGENCY[judgement.tier] < URGENCY[example.tier]
    return too_low or unit not in (example.unit, *example.also)


def _fit(
    inputs: NDArray[np.float64], wrong: NDArray[np.bool_], seed: int
) -> tuple[NDArray[np.float64], float]:
    """Weights and bias for inputs as they are."""
    scaler = StandardScaler().fit(inputs)
    model = LogisticRegression(C=1.0, random_state=seed).fit(scaler.transform(inputs), wrong)
    weights = model.coef_[0] / scaler.scale_
    return weights, float(model.intercept_[0] - (weights * scaler.mean_).sum())


def _steps(risks: NDArray[np.float64], wrong: NDArray[np.bool_]) -> tuple[Step, ...]:
    order = np.argsort(risks, kind="stable")
    hits = wrong[order].cumsum()
    steps = []
    for part in range(_FIRST_STEP, _STEPS + 1):
        rows = round(len(order) * part / _STEPS)
        count = int(hits[rows - 1])
        steps.append(
            Step(
                risk=round(float(risks[order[rows - 1]]), 6),
                rows=rows,
                wrong=count,
                upper=round(upper_end(count, rows), 5),
            )
        )
    return tuple(steps)
