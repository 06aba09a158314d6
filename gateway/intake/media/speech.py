"""Speech to text: a port, the vendor's transcript, and sherpa-onnx over the operator's model."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final, Protocol

import numpy as np
from numpy.typing import NDArray

from gateway.intake.media.speech_models import model_files

Samples = NDArray[np.float32]
"""Mono, 16,000 a second, between -1 and 1."""

RATE: Final = 16_000
_THREADS: Final = 2
_SILENT: Final = 0.004


class Recogniser(Protocol):
    """Tells what is said."""

    def text_of(self, sound: Iterable[Samples]) -> str:
        """Return the words; a piece of sound is up to half a minute long."""
        ...


class VendorTranscript:
    """What the platform has recognised itself."""

    def __init__(self, transcript: str) -> None:
        self._transcript = transcript

    def text_of(self, sound: Iterable[Samples]) -> str:
        """Return the transcript, without listening."""
        return self._transcript


class SherpaRecogniser:
    """An offline model of sherpa-onnx: SenseVoice, Paraformer or Zipformer CTC."""

    def __init__(self, folder: Path) -> None:
        """Load the model; raise `ModelUnknown`, `ImportError` without the extra `speech`."""
        from sherpa_onnx import OfflineRecognizer

        model, tokens, kind = model_files(folder)
        makers: dict[str, Any] = {
            "sense_voice": OfflineRecognizer.from_sense_voice,
            "paraformer": OfflineRecognizer.from_paraformer,
            "zipformer": OfflineRecognizer.from_zipformer_ctc,
        }
        options: dict[str, Any] = {"use_itn": True} if kind == "sense_voice" else {}
        self._engine = makers[kind](str(model), str(tokens), num_threads=_THREADS, **options)

    def text_of(self, sound: Iterable[Samples]) -> str:
        """Return one line for each piece in which something is said."""
        lines = []
        for piece in sound:
            if float(np.abs(piece).max(initial=0)) < _SILENT:
                continue
            stream = self._engine.create_stream()
            stream.accept_waveform(RATE, piece)
            self._engine.decode_stream(stream)
            if line := stream.result.text.strip():
                lines.append(line)
        return "\n".join(lines)
