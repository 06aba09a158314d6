"""Bundles: written, read back, and refused when anything is not as the card says."""

import hashlib
import json
from pathlib import Path

import numpy as np
import pytest

from models.bundle import ARRAYS, CARD, VOCABULARY, Bundle, BundleError, load_bundle, save_bundle

BUNDLE = Bundle(
    card={"name": "small", "version": "1"},
    arrays={"weights": np.arange(6, dtype=np.int8).reshape(2, 3)},
    vocabulary={"words": ["暖气", "不热"]},
)


def test_bundle_comes_back_as_it_went(tmp_path: Path) -> None:
    """Card, arrays and vocabulary survive the folder; the card gains the files' hashes."""
    card = save_bundle(BUNDLE, tmp_path / "new")
    read = load_bundle(tmp_path / "new")
    assert read.card == card
    assert read.vocabulary == BUNDLE.vocabulary
    assert (read.arrays["weights"] == BUNDLE.arrays["weights"]).all()


def test_equal_bundles_have_equal_bytes(tmp_path: Path) -> None:
    """Saving twice writes the same files, so that hashes identify a bundle."""
    assert save_bundle(BUNDLE, tmp_path / "a") == save_bundle(BUNDLE, tmp_path / "b")


@pytest.mark.parametrize("name", [ARRAYS, VOCABULARY])
def test_changed_file_is_refused(tmp_path: Path, name: str) -> None:
    """One changed byte and the bundle is not the one that the card describes."""
    save_bundle(BUNDLE, tmp_path)
    content = bytearray((tmp_path / name).read_bytes())
    content[-1] ^= 1
    (tmp_path / name).write_bytes(content)
    with pytest.raises(BundleError, match=name):
        load_bundle(tmp_path)


@pytest.mark.parametrize("name", [CARD, ARRAYS, VOCABULARY])
def test_missing_file_is_named(tmp_path: Path, name: str) -> None:
    """A bundle lacking a file is refused with the file's name."""
    save_bundle(BUNDLE, tmp_path)
    (tmp_path / name).unlink()
    with pytest.raises(BundleError, match=name):
        load_bundle(tmp_path)


@pytest.mark.parametrize("card", ["", "[]", "{}", '{"files": {"../other": "0"}}'])
def test_card_without_the_hashes_is_refused(tmp_path: Path, card: str) -> None:
    """A card must be JSON and name the hash of each file, and of no other."""
    save_bundle(BUNDLE, tmp_path)
    (tmp_path / CARD).write_text(card, "utf-8")
    with pytest.raises(BundleError, match=CARD):
        load_bundle(tmp_path)


def test_pickled_array_is_refused(tmp_path: Path) -> None:
    """Arrays that would run code on reading are not read, whatever the card says."""
    card = save_bundle(BUNDLE, tmp_path)
    with (tmp_path / ARRAYS).open("wb") as stream:
        np.savez(stream, weights=np.array([{"code": 1}], dtype=object))
    card["files"][ARRAYS] = hashlib.sha256((tmp_path / ARRAYS).read_bytes()).hexdigest()
    (tmp_path / CARD).write_text(json.dumps(card), "utf-8")
    with pytest.raises(BundleError, match="cannot be read"):
        load_bundle(tmp_path)
