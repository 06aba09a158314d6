"""An encoder exported to ONNX: reads the beginning and the end of a text, scores all heads."""

from collections.abc import Sequence

import numpy as np
import onnxruntime
from tokenizers import Tokenizer

from models.bundle import BundleError, EncoderFiles
from triage.calibration import Floats

#: onnxruntime's joint step for these is several times slower on a CPU than the two by themselves.
NOT_JOINED = ["SkipLayerNormFusion"]
#: Of the pieces that are read of a long text, the share that stands at its end.
_END = 0.25


class EncoderScorer:
    """Scores by an ONNX graph with the input `ids`, (1, length), and the output `scores`."""

    def __init__(self, files: EncoderFiles, tokens: int) -> None:
        """Raises BundleError for a graph or a tokenizer that cannot be read.

        `tokens` is the most pieces of a text that are read.
        """
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        try:
            self._session = onnxruntime.InferenceSession(
                files.graph,
                options,
                providers=["CPUExecutionProvider"],
                disabled_optimizers=NOT_JOINED,
            )
            self._tokenizer = Tokenizer.from_str(files.tokenizer)
        except Exception as error:  # both libraries raise their own, of no common class
            raise BundleError(f"the encoder cannot be read: {error}") from error
        self._tokens = tokens

    def scores(self, texts: Sequence[str]) -> Floats:
        """Raw scores of all heads, (texts, columns), of normalised texts.

        One text at a time: int8 steps are chosen by all that is read together, so that a text
        would score differently beside others, and reading together is no faster.
        """
        return np.concatenate(
            [self._one(ids) for ids in pieces_of(self._tokenizer, texts, self._tokens)]
        )

    def _one(self, pieces: Sequence[int]) -> Floats:
        ids = np.array([pieces], dtype=np.int64)
        scores: Floats = self._session.run(["scores"], {"ids": ids})[0]
        return scores


def pieces_of(tokenizer: Tokenizer, texts: Sequence[str], most: int) -> list[list[int]]:
    """The pieces' numbers of every text, the middle left out where they are more than `most`."""
    end = int(most * _END)
    return [
        ids if len(ids) <= most else [*ids[: most - end], *ids[-end:]]
        for ids in (encoding.ids for encoding in tokenizer.encode_batch_fast(list(texts)))
    ]
