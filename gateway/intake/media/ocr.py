"""Text off pictures by rapidocr, whose models lie in its wheel. Imported by the child only."""

from collections.abc import Iterable, Iterator
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image

Pixels = NDArray[np.uint8]
"""Height x width x 3, red first."""

_THREADS: Final = 2
_STRIP: Final = 2000
"""Longest side that is read at once, in pixels; rapidocr would shrink what is longer."""
_SHORTER: Final = 1080
_LONG_FROM: Final = 2.5
_OVERLAP: Final = 120
_LONGEST: Final = 12 * (_STRIP - _OVERLAP)


class TextReader:
    """Reads what stands in pictures; loads its models when it is made."""

    def __init__(self) -> None:
        from rapidocr import RapidOCR  # a second, which those that need no text need not wait

        threads = "EngineConfig.onnxruntime.intra_op_num_threads"
        options: dict[str, Any] = {"Global.log_level": "critical", threads: _THREADS}
        self._engine: Any = RapidOCR(params=options)

    def lines(self, picture: Image.Image) -> list[str]:
        """Return the lines of an RGB picture from top to bottom."""
        return joined(self._lines(np.asarray(strip)) for strip in _strips(picture))

    def _lines(self, pixels: Pixels) -> list[str]:
        found = self._engine(np.ascontiguousarray(pixels[:, :, ::-1]))
        return [line.strip() for line in found.txts or () if line.strip()]


def joined(parts: Iterable[Iterable[str]]) -> list[str]:
    """Return the lines of all parts, each only once: parts overlap, and signs stay in view."""
    return list(dict.fromkeys(line for part in parts for line in part))


def size_to_read(width: int, height: int) -> tuple[int, int]:
    """Return the size at which a picture is read: a long strip keeps its width."""
    longer, shorter = max(width, height), min(width, height)
    if longer > _LONG_FROM * shorter:
        scale = min(1.0, _SHORTER / shorter, _LONGEST / longer)
    else:
        scale = min(1.0, _STRIP / longer)
    return max(1, round(width * scale)), max(1, round(height * scale))


def _strips(picture: Image.Image) -> Iterator[Image.Image]:
    """Cut what is long, such as the picture of a whole chat, into pieces that overlap."""
    size = size_to_read(*picture.size)
    if size != picture.size:
        picture = picture.resize(size, Image.Resampling.BILINEAR, reducing_gap=2.0)
    width, height = size
    starts = range(0, max(1, max(size) - _OVERLAP), _STRIP - _OVERLAP)
    for at in starts:
        if width >= height:
            yield picture.crop((at, 0, min(at + _STRIP, width), height))
        else:
            yield picture.crop((0, at, width, min(at + _STRIP, height)))
