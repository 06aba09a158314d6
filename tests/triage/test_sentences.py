"""The encoder as a reader of sentences."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.bundle import Bundle, BundleError, EncoderFiles, load_bundle, shipped_folder
from triage.classifier.sentences import SentenceEncoder

SHIPPED = load_bundle(shipped_folder())
ENCODER = SentenceEncoder(SHIPPED)


def _alike(one: str, other: str) -> float:
    first, second = ENCODER.read(one), ENCODER.read(other)
    return float(first @ second / np.linalg.norm(first) / np.linalg.norm(second))


@given(text=st.text(max_size=300))
@settings(max_examples=50, deadline=None)
def test_any_text_has_a_vector(text: str) -> None:
    """Every text, the empty one too, has a finite vector of one size, the same each time."""
    vector = ENCODER.read(text)
    assert vector.shape == (256,)
    assert np.isfinite(vector).all()
    assert (vector == ENCODER.read(text)).all()


def test_what_means_the_same_is_nearer() -> None:
    """Two ways to ask of heating are nearer to one another than to a question of marriage."""
    near = _alike("今年几号来暖气", "采暖什么时候开始")
    assert near > _alike("今年几号来暖气", "领结婚证要带什么")


def test_a_bundle_that_cannot_is_refused() -> None:
    """Without encoder, or with a graph that is none of ours, there are no vectors."""
    assert SHIPPED.encoder is not None
    broken = EncoderFiles(b"no graph", SHIPPED.encoder.tokenizer)
    for encoder in (None, broken):
        bundle: Bundle = replace(SHIPPED, encoder=encoder)
        with pytest.raises(BundleError):
            SentenceEncoder(bundle)
