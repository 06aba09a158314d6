"""Video and sound: how long, what stands in the frames, what is said. Imported by the child only.

FFmpeg is told the container that the content was recognised as, and opens nothing else: a playlist
in a video's clothes cannot make it read other files or addresses.
"""

from collections.abc import Callable, Iterator
from typing import Any, BinaryIO, Final

import av
import numpy as np
from av.container import InputContainer
from PIL import Image

from gateway.intake.media.findings import MOST_TEXT, Derived, Findings, Note, Unreadable
from gateway.intake.media.ocr import TextReader, joined, size_to_read
from gateway.intake.media.pictures import MOST_PIXELS, Facts, write_view
from gateway.intake.media.speech import RATE, Recogniser, Samples

MOST_FRAMES: Final = 12
MOST_HEARD: Final = 1800
"""Seconds of a recording that are listened to."""
_PIECE: Final = 30 * RATE
_QUIET_WITHIN: Final = 10 * RATE
_STEP: Final = RATE // 10
_EVERY_FRAME_UNTIL: Final = 60.0
"""Seconds: of longer videos only the frames are decoded that stand for themselves."""
_CLOSEST: Final = 0.5
_UNKNOWN_LENGTH: Final = 24.0
_LOOKS: Final = (64, 64)
_ALIKE: Final = 20
_FEWEST_CHANGED: Final = 8
"""Of the cells into which a frame is divided, so many must look different: a line of a sign."""
_MOST_BROKEN: Final = 50
_CONTAINERS: Final = {
    "video/mp4": "mp4", "video/x-m4v": "mp4", "video/quicktime": "mov", "video/3gpp": "mp4",
    "video/x-matroska": "matroska", "video/webm": "matroska", "video/x-msvideo": "avi",
    "video/mpeg": "mpeg", "video/x-flv": "flv", "audio/mp4": "mp4", "audio/mpeg": "mp3",
    "audio/ogg": "ogg", "audio/amr": "amr", "audio/aac": "aac", "audio/x-wav": "wav",
    "audio/x-flac": "flac", "audio/x-aiff": "aiff",
}  # fmt: skip


def read_recording(
    content: BinaryIO,
    poster: BinaryIO,
    media_type: str,
    reader: Callable[[], TextReader],
    recogniser: Callable[[], Recogniser | None],
    tell: Callable[[float], None],
) -> Findings:
    """Return the words in frames and sound; write the poster; `tell` hears the duration.

    Raises `Unreadable`. A recording that breaks off gives what comes before.
    """
    container = _CONTAINERS.get(media_type)
    if container is None:
        raise Unreadable(Note.NOT_READABLE)
    found = Findings()
    with _opened(content, container) as recording:
        duration = max(recording.duration or 0, 0) / av.time_base or None
        if duration is not None:
            found.facts["duration_seconds"] = round(duration, 1)
            tell(duration)
        if recording.streams.video:
            pictures = list(_frames(recording, duration, found.facts))
            if pictures:
                write_view(pictures[0], poster)
                found.derived = Derived(kind="poster")
                found.facts["frames_read"] = len(pictures)
                found.text = "\n".join(joined(reader().lines(item) for item in pictures))
        has_sound = bool(recording.streams.audio)
    if has_sound:
        _listen(content, container, recogniser(), found)
    elif found.derived is None:
        raise Unreadable(Note.DAMAGED)
    found.text = found.text[:MOST_TEXT]
    found.line_starts = found.line_starts[: found.text.count("\n") + 1]
    return found


def _opened(content: BinaryIO, container: str) -> InputContainer:
    content.seek(0)
    options = {"format_whitelist": _demuxer(container), "protocol_whitelist": "none"}
    try:
        return av.open(content, "r", format=container, options=options)
    except (av.FFmpegError, ValueError):
        raise Unreadable(Note.DAMAGED) from None


def _demuxer(container: str) -> str:
    """Return the names of FFmpeg's one reader for the container."""
    return av.ContainerFormat(container, "r").name


def _listen(
    content: BinaryIO, container: str, recogniser: Recogniser | None, found: Findings
) -> None:
    """Add what is said, or the note that nobody can tell."""
    if recogniser is None:
        found.note = Note.NO_RECOGNISER
        return
    with _opened(content, container) as recording:
        said = recogniser.lines_of(_sound(recording, found.facts))
    seen = found.text.split("\n") if found.text else []
    if any(line.start is not None for line in said):
        found.line_starts = [*[None] * len(seen), *(line.start for line in said)]
    found.text = "\n".join([*seen, *(line.text for line in said)])


def _decoded(recording: InputContainer, stream: Any, facts: Facts) -> Iterator[Any]:
    """Yield the frames of a stream as far as they can be decoded."""
    stream.codec_context.thread_count = 1
    packets = recording.demux(stream)
    broken = 0
    while broken < _MOST_BROKEN:
        try:
            packet = next(packets, None)
            if packet is None:
                return
            frames = packet.decode()
        except (av.FFmpegError, ValueError):
            facts["truncated"] = True
            broken += 1
            continue
        yield from frames


def _frames(
    recording: InputContainer, duration: float | None, facts: Facts
) -> Iterator[Image.Image]:
    """Yield frames spread over the time, leaving out what looks like the one before."""
    stream = recording.streams.video[0]
    codec = stream.codec_context
    if codec.width * codec.height > MOST_PIXELS:
        raise Unreadable(Note.TOO_LARGE)
    if duration is not None and duration > _EVERY_FRAME_UNTIL:
        codec.skip_frame = "NONKEY"
    apart = max((duration or _UNKNOWN_LENGTH) / MOST_FRAMES, _CLOSEST)
    wanted_from, last, count = 0.0, None, 0
    for frame in _decoded(recording, stream, facts):
        at = frame.time if frame.time is not None else wanted_from
        if at < wanted_from and count:
            continue
        wanted_from = at + apart
        picture = _upright(frame)
        looks = np.asarray(picture.convert("L").resize(_LOOKS), dtype=np.int16)
        if last is None or np.count_nonzero(np.abs(looks - last) > _ALIKE) >= _FEWEST_CHANGED:
            yield picture
            last = looks
        count += 1
        if count >= MOST_FRAMES:
            return


def _upright(frame: Any) -> Image.Image:
    width, height = size_to_read(frame.width, frame.height)
    pixels = frame.to_ndarray(format="rgb24", width=width, height=height)
    return Image.fromarray(np.ascontiguousarray(np.rot90(pixels, round(frame.rotation / 90))))


def _sound(recording: InputContainer, facts: Facts) -> Iterator[Samples]:
    """Yield pieces of up to half a minute, cut where it is quietest, and note how much."""
    resampler = av.AudioResampler("flt", "mono", RATE)
    heard, held = 0, [np.zeros(0, np.float32)]
    for frame in _decoded(recording, recording.streams.audio[0], facts):
        held += [part.to_ndarray()[0] for part in resampler.resample(frame)]
        waiting = sum(map(len, held))
        facts["heard_seconds"] = round((heard + waiting) / RATE, 1)
        if heard + waiting >= MOST_HEARD * RATE:
            break
        if waiting >= _PIECE:
            piece = np.concatenate(held)
            cut = _quietest(piece[:_PIECE])
            yield piece[:cut]
            heard, held = heard + cut, [piece[cut:]]
    yield np.concatenate(held)


def _quietest(piece: Samples) -> int:
    """Return where to cut: in the quietest tenth of a second of the last ten seconds."""
    first = len(piece) - _QUIET_WITHIN
    parts = piece[first:].reshape(-1, _STEP)
    return first + int(np.square(parts).sum(axis=1).argmin()) * _STEP + _STEP // 2
