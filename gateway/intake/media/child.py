"""The child process that decodes media: `python -m gateway.intake.media.child PARENT [MODEL]`.

It is given open files only, over the socket that is its standard input: the content, where to
write what is made from it, and the vendor's transcript, empty where there is none. It needs neither
names nor network, holds no keys, and ends with its parent or when the socket is closed.
"""

import os
import resource
import socket
import sys
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Final

import orjson

from gateway.children import serve_parent
from gateway.intake.media.findings import Answer, Findings, Note, Unreadable

if TYPE_CHECKING:
    from gateway.intake.media.ocr import TextReader
    from gateway.intake.media.speech import SherpaRecogniser

_NICER: Final = 10
_MOST_MEMORY: Final = 1280 * 1024 * 1024
"""Bytes of memory of its own; with the code that it maps it stays under 1.5 GB."""
_MOST_WRITTEN: Final = 32 * 1024 * 1024


class _Reading:
    """Reads one medium after another; loads what a kind of medium needs when the first comes."""

    def __init__(self, answers: BinaryIO, speech_model: Path | None) -> None:
        self._answers = answers
        self._speech_model = speech_model

    def read(self, media_type: str, content: BinaryIO, derived: BinaryIO, said: str) -> Findings:
        from gateway.intake.media.pictures import read_picture
        from gateway.intake.media.recordings import read_recording
        from gateway.intake.media.speech import Recogniser, VendorTranscript

        if media_type.startswith("image/"):
            return read_picture(content, derived, lambda: self._reader)

        def recogniser() -> Recogniser | None:
            return VendorTranscript(said) if said else self._sherpa

        return read_recording(
            content, derived, media_type, lambda: self._reader, recogniser, self._tell
        )

    def answer(self, answer: Answer) -> None:
        """Write one line to the parent."""
        self._answers.write(orjson.dumps(answer.model_dump(mode="json")) + b"\n")
        self._answers.flush()

    def _tell(self, seconds: float) -> None:
        self.answer(Answer(seconds=seconds))

    @cached_property
    def _reader(self) -> "TextReader":
        from gateway.intake.media.ocr import TextReader

        return TextReader()

    @cached_property
    def _sherpa(self) -> "SherpaRecogniser | None":
        from gateway.intake.media.speech import SherpaRecogniser

        return SherpaRecogniser(self._speech_model) if self._speech_model else None


def main() -> None:
    """Read media until the parent closes the socket."""
    _bind_to(int(sys.argv[1]))
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # whatever a library prints
    reading = _Reading(answers, Path(sys.argv[2]) if len(sys.argv) > 2 else None)
    with socket.socket(fileno=0) as control:
        while True:
            line, files, _, _ = socket.recv_fds(control, 256, 3)
            if len(files) != 3:
                return
            reading.answer(_answer(reading, line.decode(), files))


def _answer(reading: _Reading, media_type: str, files: list[int]) -> Answer:
    content, derived, transcript = (os.fdopen(number, "r+b") for number in files)
    with content, derived, transcript:
        try:
            transcript.seek(0)
            found = reading.read(media_type, content, derived, transcript.read().decode())
            return Answer(findings=found)
        except Unreadable as error:
            return Answer(findings=Findings(note=error.note))
        except MemoryError:
            return Answer(findings=Findings(note=Note.TOO_LARGE))
        except Exception as error:
            return Answer(failed=type(error).__name__)


def _bind_to(parent: int) -> None:
    """End with the parent, and keep to what a medium may cost."""
    serve_parent(parent, _NICER)
    # A dump of the memory would hold what a citizen sent.
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_DATA, (_MOST_MEMORY, _MOST_MEMORY))
    resource.setrlimit(resource.RLIMIT_FSIZE, (_MOST_WRITTEN, _MOST_WRITTEN))


if __name__ == "__main__":
    main()
