"""What stands in video and is said in sound, and where listening ends."""

import struct
from itertools import pairwise
from pathlib import Path

import filetype  # type: ignore[import-untyped]
import pytest
from aiohttp import web

from gateway.clock import SystemClock
from gateway.intake.media.child_process import MediaChild
from gateway.intake.media.findings import Note
from gateway.intake.media.speech_models import ModelUnknown, model_files
from gateway.observability.metrics import Metrics
from tests.media.conftest import WORD, Reading, read_by
from tests.media.made import encoded, notice, speech_model, tone, video, voice

pytestmark = pytest.mark.asyncio(loop_scope="module")
SIGNS = [notice("小区停水通知"), notice("物业请尽快修复")]
EIGHT_HOURS = 8 * 3600


def silence(seconds: int, rate: int) -> bytes:
    """Return a WAV of silence, one byte a sample."""
    count = seconds * rate
    form = struct.pack("<HHIIHH", 1, 1, rate, rate, 1, 8)
    head = b"WAVEfmt " + struct.pack("<I", len(form)) + form + b"data" + struct.pack("<I", count)
    return b"RIFF" + struct.pack("<I", len(head) + count) + head + b"\x80" * count


async def test_signs_in_a_video_are_read(read: Reading) -> None:
    """Each sign once, in the order in which they are shown; the poster is the first frame."""
    seen = await read(video(SIGNS), "video/mp4")
    assert seen.found.text.splitlines() == ["小区停水通知", "物业请尽快修复"]
    assert seen.found.facts == {"duration_seconds": 2.0, "frames_read": 2}
    assert (seen.found.note, seen.made[:2]) == (None, b"\xff\xd8")


async def test_the_sound_of_a_video_is_heard(read: Reading) -> None:
    """What is said follows what is shown."""
    found = (await read(video(SIGNS[:1], seconds=2, sound=True), "video/mp4")).found
    assert found.text.splitlines() == ["小区停水通知", WORD]
    assert found.line_starts == [None, 0.0]


async def test_a_video_that_breaks_off_gives_what_it_has(read: Reading) -> None:
    """The first sign is read although the second never came."""
    whole = video(SIGNS, kind="matroska")
    found = (await read(whole[: len(whole) * 2 // 3], "video/x-matroska")).found
    assert (found.text, found.note) == ("小区停水通知", None)


async def test_a_video_without_its_index_is_damaged(read: Reading) -> None:
    """An MP4 whose end is missing has no table of what it holds."""
    whole = video(SIGNS)
    assert (await read(whole[: len(whole) // 2], "video/mp4")).found.note is Note.DAMAGED


async def test_speech_becomes_words(read: Reading) -> None:
    """A real sherpa-onnx hears the sound, by a model made for this test that knows one word."""
    found = (await read(tone(2), "audio/x-wav")).found
    assert (found.text, found.note) == (WORD, None)
    assert found.facts == {"duration_seconds": 2.0, "heard_seconds": 2.0}


@pytest.mark.parametrize("kind", ["sense_voice", "paraformer"])
async def test_other_kinds_of_models_are_told_apart(tmp_path: Path, kind: str) -> None:
    """SenseVoice and Paraformer name their files alike, and each is run as what it is."""
    child = MediaChild(
        tmp_path, speech_model(tmp_path / kind, WORD, kind), SystemClock(), Metrics()
    )
    found = (await read_by(child, tone(1), "audio/x-wav")).found
    await child.close()
    said = found.text.count(WORD)
    assert said
    assert found.text == WORD * said
    assert said == 1 or kind == "paraformer"


async def test_long_recordings_are_heard_in_pieces(read: Reading) -> None:
    """Every half minute is recognised by itself, and its words have their time."""
    found = (await read(tone(70, rate=8000), "audio/x-wav")).found
    assert found.text.splitlines() == [WORD] * 3
    starts = [start for start in found.line_starts if start is not None]
    assert (len(starts), starts[0]) == (3, 0)
    assert all(20 <= after - before <= 30 for before, after in pairwise(starts))


async def test_the_platforms_transcript_is_taken_instead(read: Reading) -> None:
    """Where the vendor has recognised the sound, nobody listens."""
    found = (await read(tone(2), "audio/x-wav", "井盖不见了")).found
    assert (found.text, found.facts) == ("井盖不见了", {"duration_seconds": 2.0})
    assert found.line_starts == [], "nobody has told when it is said"


async def test_eight_hours_of_silence_are_bounded(read: Reading) -> None:
    """Half an hour is listened to, and the facts say so."""
    found = (await read(silence(EIGHT_HOURS, 2000), "audio/x-wav")).found
    assert found.facts["duration_seconds"] == EIGHT_HOURS
    assert 1800 <= float(found.facts["heard_seconds"]) < 1802
    assert (found.text, found.note) == ("", None)


async def test_a_playlist_opens_nothing(read: Reading) -> None:
    """What calls itself a video cannot make FFmpeg read addresses or files."""
    asked: list[str] = []

    async def tell(request: web.Request) -> web.Response:
        asked.append(request.path)
        return web.Response(body=b"")

    application = web.Application()
    application.router.add_get("/{any:.*}", tell)
    runner = web.AppRunner(application)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    port = runner.addresses[0][1]
    playlist = f"#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\nhttp://127.0.0.1:{port}/a.ts\n"
    for media_type in ("video/mp4", "video/mpeg", "audio/mpeg"):
        found = (await read(playlist.encode(), media_type)).found
        assert found.note is Note.DAMAGED
    await runner.cleanup()
    assert asked == []


async def test_unknown_containers_are_not_tried(read: Reading) -> None:
    """Only what is listed is given to FFmpeg at all."""
    assert (await read(b"MThd" + bytes(100), "audio/midi")).found.note is Note.NOT_READABLE


async def test_the_kind_of_a_model_is_what_it_says_itself(tmp_path: Path) -> None:
    """Published folders name their files alike; a folder without a model is told what it lacks."""
    model, tokens, kind = model_files(speech_model(tmp_path / "made", WORD))
    assert (model.name, tokens.name, kind) == ("model.onnx", "tokens.txt", "zipformer")
    with pytest.raises(ModelUnknown, match=r"tokens\.txt"):
        model_files(tmp_path)
    (tmp_path / "tokens.txt").touch()
    (tmp_path / "model.int8.onnx").write_bytes(encoded(notice()))
    with pytest.raises(ModelUnknown):
        model_files(tmp_path)


@pytest.mark.parametrize(
    ("kind", "codec", "media_type"),
    [
        ("mp3", "libmp3lame", "audio/mpeg"), ("ipod", "aac", "audio/mp4"),
        ("adts", "aac", "audio/aac"), ("ogg", "libopus", "audio/ogg"),
        ("flac", "flac", "audio/x-flac"), ("wav", "pcm_s16le", "audio/x-wav"),
        ("webm", "libopus", "video/webm"), ("amr", "libopencore_amrnb", "audio/amr"),
        ("aiff", "pcm_s16be", "audio/x-aiff"),
    ],
)  # fmt: skip
async def test_voices_come_in_many_containers(
    read: Reading, kind: str, codec: str, media_type: str
) -> None:
    """Each is recognised by its content and heard; where only a voice is recorded, too."""
    content = voice(kind, codec, rate=8000 if kind == "amr" else 16_000)
    assert filetype.guess_mime(content) == media_type
    assert (await read(content, media_type)).found.text == WORD


@pytest.mark.parametrize(
    ("kind", "codec", "media_type"),
    [
        ("mov", "libx264", "video/quicktime"), ("3gp", "libx264", "video/mp4"),
        ("matroska", "libx264", "video/x-matroska"), ("webm", "libvpx", "video/webm"),
        ("avi", "mpeg4", "video/x-msvideo"), ("flv", "flv", "video/x-flv"),
        ("mpeg", "mpeg2video", "video/mpeg"), ("mp4", "libx265", "video/mp4"),
    ],
)  # fmt: skip
async def test_videos_come_in_many_containers(
    read: Reading, kind: str, codec: str, media_type: str
) -> None:
    """Each is recognised by its content and read."""
    content = video(
        SIGNS[:1],
        kind=kind,
        codec=codec,
        rate=25,
    )
    assert filetype.guess_mime(content) == media_type
    assert (await read(content, media_type)).found.text == "小区停水通知"
