"""How much a unit's own phrases say, measured on the units that have labelled rows."""

from collections.abc import Sequence

import numpy as np
from sklearn.linear_model import LogisticRegression

from training.corpus import LABELLED, WRITTEN, Example
from triage.likeness import Likeness, pairs_of
from triage.newcomers import newcomers
from triage.taxonomy import Catalogue
from triage.text.normalise import normalise

#: Where nothing can be measured: a whole phrase in the text makes it one of the likely units.
_UNMEASURED = Likeness(bias=-6.0, weight=6.0)
_FEWEST_ROWS = 100


def likeness(examples: Sequence[Example], catalogue: Catalogue) -> Likeness:
    """Fit the probability that a unit is right to how much of its best phrase a text holds.

    Every unit of the catalogue is taken as a newcomer on every row. Duties and examples that were
    written with the rows in mind would flatter; they were written before most of them.
    """
    rows = [item for item in examples if item.origin in (LABELLED, WRITTEN) and item.unit]
    units = newcomers(catalogue, ())
    if len(rows) < _FEWEST_ROWS or len({item.unit for item in rows}) < 2:
        return _UNMEASURED
    shares, right = [], []
    for item in rows:
        pairs = pairs_of(normalise(item.text).text)
        for unit in units:
            share = unit.share(pairs)
            if share > 0:
                shares.append(share)
                right.append(unit.code == item.unit)
    if len(set(right)) < 2:
        return _UNMEASURED
    model = LogisticRegression(C=100.0).fit(np.array(shares)[:, None], right)
    return Likeness(
        bias=round(float(model.intercept_[0]), 4), weight=round(max(0.0, model.coef_[0][0]), 4)
    )
