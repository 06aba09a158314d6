"""What a bundle's encoder makes of a sentence: a vector that tells what it means.

The graph that ships gives scores only. What they are made from, the mean over the pieces' states,
is a step inside of it; it is named here as one output more.
"""

import numpy as np
import onnxruntime
from tokenizers import Tokenizer

from models.bundle import GRAPH, Bundle, BundleError
from triage.calibration import Floats
from triage.classifier.encoder import NOT_JOINED, pieces_of
from triage.text.normalise import normalise

_MEAN = "/ReduceMean_output_0"
#: Field numbers of ONNX' protocol buffers: a model's graph, a graph's output, an output's name.
_IN_MODEL, _IN_GRAPH, _IN_OUTPUT = 7, 12, 1
_LENGTH_DELIMITED = 2


class SentenceEncoder:
    """Reads one sentence at a time, in about a millisecond."""

    def __init__(self, bundle: Bundle) -> None:
        """Raises BundleError for a bundle without encoder, or with one of another make."""
        if bundle.encoder is None:
            raise BundleError("the bundle has no encoder")
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        try:
            self._session = onnxruntime.InferenceSession(
                with_output(bundle.encoder.graph, _MEAN),
                options,
                providers=["CPUExecutionProvider"],
                disabled_optimizers=NOT_JOINED,
            )
            self._tokenizer = Tokenizer.from_str(bundle.encoder.tokenizer)
            self._tokens: int = bundle.card["encoder"]["tokens"]
            #: Of which encoder the vectors are: those of another cannot be compared with them.
            self.name: str = bundle.card["files"][GRAPH][:16]
        except Exception as error:  # both libraries raise their own, of no common class
            raise BundleError(f"the encoder gives no vectors: {error}") from error

    def read(self, text: str) -> Floats:
        """The vector, (size,), of any text, the empty one included; its length tells nothing.

        Of a long text the beginning and the end are read.
        """
        pieces = pieces_of(self._tokenizer, [normalise(text).text], self._tokens)[0]
        ids = np.array([pieces], dtype=np.int64)
        vector: Floats = self._session.run([_MEAN], {"ids": ids})[0][0]
        return vector


def with_output(graph: bytes, name: str) -> bytes:
    """The ONNX model with one of its steps told as an output too.

    Protocol buffers that are written one after another are read as one, merged field by field.
    """
    return graph + _field(_IN_MODEL, _field(_IN_GRAPH, _field(_IN_OUTPUT, name.encode())))


def _field(number: int, content: bytes) -> bytes:
    size, length = len(content), b""
    while size > 0x7F:
        length += bytes([size & 0x7F | 0x80])
        size >>= 7
    return bytes([number << 3 | _LENGTH_DELIMITED]) + length + bytes([size]) + content
