"""An encoder exported to ONNX: reads the beginning and the end of a text, scores all heads."""

from collections.abc import Sequence

import numpy as np
import onnxruntime
from numpy.typing import NDArray
from tokenizers import Tokenizer

from models.bundle import BundleError, EncoderFiles
from triage.calibration import Floats

#: Of the pieces that are read of a long text, the share that stands at its end.
_END = 0.25
#: Texts of about equal length are read so many at once.
_TOGETHER = 8


class EncoderScorer:
    """Scores by an ONNX graph with inputs `ids` and `mask` (texts, length) and output `scores`."""

    def __init__(self, files: EncoderFiles, tokens: int) -> None:
        """Raises BundleError for a graph or a tokenizer that cannot be read.

        `tokens` is the most pieces of a text that are read.
        """
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        options.log_severity_level = 3
        try:
            self._session = onnxruntime.InferenceSession(
                files.graph, options, providers=["CPUExecutionProvider"]
            )
            self._tokenizer = Tokenizer.from_str(files.tokenizer)
        except Exception as error:  # both libraries raise their own, of no common class
            raise BundleError(f"the encoder cannot be read: {error}") from error
        self._tokens = tokens

    def scores(self, texts: Sequence[str]) -> Floats:
        """Raw scores of all heads, (texts, columns), of normalised texts."""
        pieces = pieces_of(self._tokenizer, texts, self._tokens)
        order = sorted(range(len(texts)), key=lambda place: len(pieces[place]))
        parts: list[Floats] = []
        for first in range(0, len(order), _TOGETHER):
            batch = [pieces[place] for place in order[first : first + _TOGETHER]]
            ids, mask = _padded(batch)
            parts.append(self._session.run(["scores"], {"ids": ids, "mask": mask})[0])
        if not parts:
            return np.zeros((0, 0), dtype=np.float32)
        found = np.concatenate(parts)
        scores = np.empty_like(found)
        scores[order] = found
        return scores


def pieces_of(tokenizer: Tokenizer, texts: Sequence[str], most: int) -> list[list[int]]:
    """The pieces' numbers of every text, the middle left out where they are more than `most`."""
    end = int(most * _END)
    return [
        ids if len(ids) <= most else [*ids[: most - end], *ids[-end:]]
        for ids in (encoding.ids for encoding in tokenizer.encode_batch_fast(list(texts)))
    ]


def _padded(pieces: Sequence[Sequence[int]]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    longest = max(map(len, pieces))
    ids = np.zeros((len(pieces), longest), dtype=np.int64)
    mask = np.zeros_like(ids)
    for row, numbers in enumerate(pieces):
        ids[row, : len(numbers)] = numbers
        mask[row, : len(numbers)] = 1
    return ids, mask
