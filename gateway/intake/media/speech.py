"""Speech to text: a port, the vendor's transcript, and sherpa-onnx over the operator's model."""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
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
_BETWEEN: Final = "▁"
"""How pieces of words say that a space stands before them."""
_SENTENCE: Final = re.compile(r"[^。！？!?]*[。！？!?]+|[^。！？!?]+$")


@dataclass(frozen=True, slots=True)
class SpokenLine:
    """Words on one line, and when they begin in seconds of the recording, where that is known."""

    text: str
    start: float | None = None


class Recogniser(Protocol):
    """Tells what is said."""

    def lines_of(self, sound: Iterable[Samples]) -> list[SpokenLine]:
        """Return what is said; the pieces of sound follow one another, half a minute at most."""
        ...


class VendorTranscript:
    """What the platform has recognised itself."""

    def __init__(self, transcript: str) -> None:
        self._transcript = transcript

    def lines_of(self, sound: Iterable[Samples]) -> list[SpokenLine]:
        """Return the transcript, without listening and so without times."""
        return [SpokenLine(line) for line in self._transcript.split("\n")]


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

    def lines_of(self, sound: Iterable[Samples]) -> list[SpokenLine]:
        """Return one line for each sentence, or for each piece where the model sets no stops."""
        lines: list[SpokenLine] = []
        heard = 0
        for piece in sound:
            begun = heard / RATE
            heard += len(piece)
            if float(np.abs(piece).max(initial=0)) < _SILENT:
                continue
            stream = self._engine.create_stream()
            stream.accept_waveform(RATE, piece)
            self._engine.decode_stream(stream)
            found = stream.result
            for text, after in sentences(found.text, found.tokens, found.timestamps):
                lines.append(SpokenLine(text, round(begun + after, 1)))
        return lines


def sentences(
    text: str, tokens: Sequence[str], timestamps: Sequence[float]
) -> Iterator[tuple[str, float]]:
    """Yield the sentences of a piece, each with the seconds of the piece after which it begins.

    Where the tokens do not spell the text, as those of a model that writes numbers anew do not,
    only the piece as a whole has its time.
    """
    text = " ".join(text.replace(_BETWEEN, " ").split())
    times = [
        (letter, at)
        for token, at in zip(tokens, timestamps, strict=False)
        for letter in token
        if not letter.isspace() and letter != _BETWEEN
    ]
    spelt = "".join(letter for letter, _ in times) == text.replace(" ", "")
    if len(timestamps) != len(tokens) or not spelt:
        if text:
            yield text, 0.0
        return
    place = 0
    for match in _SENTENCE.finditer(text):
        yield match[0].strip(), times[place][1] if place else 0.0
        place += len(match[0].replace(" ", ""))
