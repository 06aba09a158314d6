"""A corpus made ready to learn from: features, groups, vocabulary and matrix."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

from training.config import Config
from training.corpus import DUTIES, EXAMPLES, LAWS, OUTSIDE, Corpus, CorpusError, Example
from training.groups import groups
from training.passages import passages_of
from training.vocabulary import Found, choose, inverse_frequencies, person_names
from triage.classifier.features import (
    GRAMS,
    PAIRS,
    WORDS,
    Vocabulary,
    features,
    gram_features,
    word_features,
)
from triage.classifier.linear import scale_blocks
from triage.taxonomy import Catalogue
from triage.text.normalise import normalise


@dataclass(frozen=True, slots=True)
class Dataset:
    """Row i of `matrix` (float32, tf-idf) is example i; `group` numbers near-duplicates.

    After the examples of the corpus come the passages of the long ones, in their groups.
    """

    examples: tuple[Example, ...]
    group: NDArray[np.intp]
    vocabulary: dict[str, list[str]]
    idf: NDArray[np.float32]
    matrix: csr_matrix


def prepare(corpus: Corpus, catalogue: Catalogue, config: Config) -> Dataset:
    """Cut passages, find features, group near-duplicates, choose the vocabulary, weigh by tf-idf.

    Raises CorpusError if the corpus is too small to have features.
    """
    examples = corpus.examples
    found = [found_in(example) for example in examples]
    group = groups([[*row[WORDS], *row[PAIRS]] for row in found], config.seed)
    appeals = [
        place
        for place, example in enumerate(examples)
        if example.origin not in (DUTIES, EXAMPLES, LAWS, OUTSIDE)
    ]
    told = [found[place] for place in appeals]
    names = person_names(examples[place].text for place in appeals)
    vocabulary = choose(told, group[appeals], names, config.vocabulary)
    if not any(vocabulary.values()):
        raise CorpusError(
            f"no feature occurs in {config.vocabulary.least_appeals} different appeals; "
            "there is too little to learn from"
        )
    known = Vocabulary(vocabulary)
    counted = [known.counts(row) for row in found]
    idf = inverse_frequencies([counted[place] for place in appeals], len(known))
    cut = list(passages_of(examples, catalogue))
    counted += [known.counts(found_in(passage)) for _, passage in cut]
    return Dataset(
        (*examples, *(passage for _, passage in cut)),
        np.concatenate([group, group[[number for number, _ in cut]]]),
        vocabulary,
        idf,
        _matrix(counted, idf, known.ends[PAIRS]),
    )


def found_in(example: Example) -> Found:
    """The features of an example; of one without text, those of its words."""
    text = normalise(example.text).text
    if example.tokens is None:
        return features(text)
    single, pairs = word_features(normalise(token).text for token in example.tokens)
    return {WORDS: single, PAIRS: pairs, GRAMS: gram_features(text)}


def _matrix(
    counted: Sequence[Mapping[int, int]], idf: NDArray[np.float32], border: int
) -> csr_matrix:
    """tf-idf as the service computes it, one row a text; grams are numbered from `border` on."""
    ends, numbers, values = [0], [], []
    for row in counted:
        places = np.fromiter(row, dtype=np.intp, count=len(row))
        times = np.fromiter(row.values(), dtype=np.float32, count=len(row))
        numbers.append(places)
        values.append(scale_blocks(places, (1 + np.log(times)) * idf[places], border))
        ends.append(ends[-1] + len(places))
    return csr_matrix(
        (np.concatenate(values), np.concatenate(numbers), ends), shape=(len(counted), len(idf))
    )
