"""A model bundle: a folder with a card, arrays and a vocabulary; data only, never code."""

import hashlib
import io
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

CARD, ARRAYS, VOCABULARY = "card.json", "arrays.npz", "vocabulary.json"
GRAPH, TOKENIZER = "encoder.onnx", "tokenizer.json"
_PARTS = ({ARRAYS, VOCABULARY}, {ARRAYS, VOCABULARY, GRAPH, TOKENIZER})


class BundleError(ValueError):
    """A bundle cannot be used; the message says why in a sentence."""


@dataclass(frozen=True, slots=True)
class EncoderFiles:
    """An encoder with its heads as an ONNX graph, and its tokenizer as JSON."""

    graph: bytes
    tokenizer: str


@dataclass(frozen=True, slots=True)
class Bundle:
    """What a model is made of. `card` describes it and names the files' SHA-256."""

    card: dict[str, Any]
    arrays: dict[str, NDArray[Any]]
    vocabulary: dict[str, list[str]]
    encoder: EncoderFiles | None = None


def shipped_folder() -> Path:
    """The folder of the bundle that ships with the project."""
    return Path(__file__).parent / "shipped"


def load_bundle(folder: Path) -> Bundle:
    """Read a bundle and check every file against the card; raises BundleError."""
    card = _json(folder / CARD, _read(folder / CARD))
    hashes = card.get("files") if isinstance(card, dict) else None
    if not isinstance(hashes, dict) or set(hashes) not in _PARTS:
        raise BundleError(
            f"{folder / CARD} must list the hashes of {ARRAYS} and {VOCABULARY}, "
            f"with an encoder also of {GRAPH} and {TOKENIZER}"
        )
    contents = {name: _read(folder / name) for name in hashes}
    for name, content in contents.items():
        if hashlib.sha256(content).hexdigest() != hashes[name]:
            raise BundleError(f"{folder / name} is not the file that its card describes")
    vocabulary = _json(folder / VOCABULARY, contents[VOCABULARY])
    try:
        with np.load(io.BytesIO(contents[ARRAYS]), allow_pickle=False) as stored:
            arrays = {name: stored[name] for name in stored.files}
    except (ValueError, OSError, EOFError) as error:
        raise BundleError(f"{folder / ARRAYS} cannot be read: {error}") from error
    encoder = None
    if GRAPH in contents:
        encoder = EncoderFiles(contents[GRAPH], contents[TOKENIZER].decode("utf-8"))
    return Bundle(card, arrays, vocabulary, encoder)


def save_bundle(bundle: Bundle, folder: Path) -> dict[str, Any]:
    """Write a bundle and return its card with the files' hashes; equal bundles, equal bytes."""
    folder.mkdir(parents=True, exist_ok=True)
    stream = io.BytesIO()
    np.savez_compressed(stream, allow_pickle=False, **bundle.arrays)
    contents = {
        ARRAYS: stream.getvalue(),
        VOCABULARY: _dump(bundle.vocabulary, indent=None),
    }
    if bundle.encoder is not None:
        contents[GRAPH] = bundle.encoder.graph
        contents[TOKENIZER] = bundle.encoder.tokenizer.encode("utf-8")
    hashes = {name: hashlib.sha256(content).hexdigest() for name, content in contents.items()}
    card = {**bundle.card, "files": hashes}
    for name, content in contents.items():
        (folder / name).write_bytes(content)
    (folder / CARD).write_bytes(_dump(card, indent=2))
    return card


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise BundleError(f"{path} cannot be read: {error.strerror}") from error


def _json(path: Path, content: bytes) -> Any:
    try:
        return json.loads(content)
    except ValueError as error:
        raise BundleError(f"{path} is not JSON: {error}") from error


def _dump(value: object, indent: int | None) -> bytes:
    text = json.dumps(value, ensure_ascii=False, indent=indent)
    return (text + "\n").encode()
