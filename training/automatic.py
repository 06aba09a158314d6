"""The evidence for the rule of automatic decisions, from judgements on held-out rows."""

from collections import Counter
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression

from training.config import Config
from training.corpus import LABELLED, WRITTEN, Example
from training.metrics import upper_end
from triage.automatic import NEVER, AutomaticRule, Grounds, Step
from triage.decision import DISTRICT, URGENCY
from triage.pipeline import Judgement
from triage.routing import without_place

#: Levels of risk that are counted, and the first of them: fewer rows would prove nothing.
_STEPS, _FIRST_STEP = 100, 10
#: Points of a curve, and rows that a unit must have to be told from the others.
_POINTS, _FEWEST_DECIDED = 7, 10
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
    known = [grounds for _, grounds, _ in judged]
    wrong = np.array([item for _, _, item in judged])
    of_fold = fold[[number for number, _, _ in judged]]
    risks = np.zeros(len(judged))
    for left_out in np.unique(of_fold):
        taught, judged_by = np.flatnonzero(of_fold != left_out), np.flatnonzero(of_fold == left_out)
        rule = _fit([known[row] for row in taught], wrong[taught], config.seed)
        risks[judged_by] = [rule.risk(known[row]) for row in judged_by]
    rule = _fit(known, wrong, config.seed)
    return rule.model_copy(update={"steps": _steps(risks, wrong)})


def is_wrong(example: Example, judgement: Judgement) -> bool:
    """Whether letting it through would be an error: unit not acceptable, or tier too low."""
    assert example.unit is not None
    assert example.tier is not None
    unit = without_place(judgement.routing.unit or "")
    too_low = URGENCY[judgement.tier] < URGENCY[example.tier]
    return too_low or unit not in (example.unit, *example.also)


def _fit(known: Sequence[Grounds], wrong: NDArray[np.bool_], seed: int) -> AutomaticRule:
    """A rule without evidence: a curve for what is measured, a weight for what is decided."""
    measured = {
        name: np.array([grounds.measured[name] for grounds in known]) for name in known[0].measured
    }
    places = {name: _places(values) for name, values in measured.items()}
    seen = Counter(name for grounds in known for name in grounds.decided)
    decided = sorted(name for name, rows in seen.items() if rows >= _FEWEST_DECIDED)
    inputs = np.hstack(
        [
            *(_shares(measured[name], at) for name, at in places.items()),
            np.array([[name in grounds.decided for name in decided] for grounds in known]),
        ]
    )
    model = LogisticRegression(C=1.0, max_iter=2000, random_state=seed).fit(inputs, wrong)
    heights = iter(np.round(model.coef_[0], 5).tolist())
    return AutomaticRule(
        curves={
            name: tuple((place, next(heights)) for place in at.tolist())
            for name, at in places.items()
        },
        decided=dict(zip(decided, heights, strict=True)),
        bias=round(float(model.intercept_[0]), 5),
        steps=(),
    )


def _places(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Where a curve has its points: as many rows between any two, or each value if few."""
    few = np.unique(np.round(values, 4))
    if len(few) <= _POINTS:
        return few
    return np.unique(np.round(np.quantile(values, np.linspace(0, 1, _POINTS)), 4))


def _shares(values: NDArray[np.float64], places: NDArray[np.float64]) -> NDArray[np.float64]:
    """How much of each value, (values, places), is read off at each of a curve's points."""
    return np.stack([np.interp(values, places, point) for point in np.eye(len(places))], axis=1)


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
