"""The folder of a speech model: which files, and which kind of model they are."""

import mmap
from collections.abc import Iterator
from pathlib import Path
from typing import Final

_METADATA: Final = 14
"""The number of `metadata_props` in ONNX' ModelProto."""


class ModelUnknown(Exception):
    """The folder holds no speech model of a kind that is supported; the text says what to do."""


def model_files(folder: Path) -> tuple[Path, Path, str]:
    """Return model, tokens and kind; raise `ModelUnknown`.

    The published folders all name their files alike, so that the kind is taken from what the model
    says of itself. The quantised model is preferred: it is a quarter of the size.
    """
    tokens = folder / "tokens.txt"
    model = next((p for n in ("model.int8.onnx", "model.onnx") if (p := folder / n).exists()), None)
    if model is None or not tokens.exists():
        raise ModelUnknown("put model.int8.onnx or model.onnx, and tokens.txt, into the folder")
    told = _model_type(model)
    for kind in ("sense_voice", "paraformer", "zipformer"):
        if told.startswith(kind):
            return model, tokens, kind
    raise ModelUnknown(
        "the model is none of SenseVoice, Paraformer and Zipformer CTC for sherpa-onnx"
    )


def _model_type(path: Path) -> str:
    """Return the property `model_type` of an ONNX file without loading its weights."""
    try:
        with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
            for field, start, end in _fields(data, 0, len(data)):
                if field != _METADATA:
                    continue
                pair = {f: data[a:b].decode() for f, a, b in _fields(data, start, end)}
                if pair.get(1) == "model_type":
                    return pair.get(2, "")
    except (ValueError, IndexError):
        raise ModelUnknown(f"{path.name} is no ONNX model") from None
    return ""


def _fields(data: mmap.mmap, at: int, end: int) -> Iterator[tuple[int, int, int]]:
    """Yield number, start and end of a protobuf message's fields that have a length."""
    while at < end:
        key, at = _varint(data, at)
        if key & 7 == 2:
            length, at = _varint(data, at)
            if at + length > end:
                raise ValueError("a field is longer than its message")
            yield key >> 3, at, at + length
            at += length
        elif key & 7 == 0:
            at = _varint(data, at)[1]
        elif key & 7 in {1, 5}:
            at += 8 if key & 7 == 1 else 4
        else:
            raise ValueError("no field of protobuf")


def _varint(data: mmap.mmap, at: int) -> tuple[int, int]:
    value = 0
    for place in range(10):
        byte = data[at + place]
        value |= (byte & 0x7F) << (7 * place)
        if byte < 0x80:
            return value, at + place + 1
    raise ValueError("a number of more than ten bytes")
