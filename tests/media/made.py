"""Pictures, video and sound made on the spot, with invented words."""

import io
import math
import wave
from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import av
import numpy as np
from onnx import TensorProto, helper
from PIL import ExifTags, Image, ImageDraw, ImageFont

FONTS = ("truetype/wqy/wqy-microhei.ttc", "truetype/wqy/wqy-zenhei.ttc",
         "opentype/noto/NotoSansCJK-Regular.ttc")  # fmt: skip
NOTICE = ("通知", "海淀区中关村街道柳荫小区五号楼", "从昨晚起停水，水龙头一滴水也没有")


@cache
def _font(size: int) -> ImageFont.FreeTypeFont:
    paths = [Path("/usr/share/fonts") / name for name in FONTS]
    found = next((path for path in paths if path.exists()), None)
    if found is None:
        raise RuntimeError("no Chinese font: install fonts-wqy-microhei, as `.ci/servers` does")
    return ImageFont.truetype(str(found), size)


def notice(*lines: str, size: tuple[int, int] = (900, 420), letters: int = 40) -> Image.Image:
    """Draw a notice: black words on white."""
    picture = Image.new("RGB", size, "white")
    draw = ImageDraw.Draw(picture)
    for place, line in enumerate(lines or NOTICE):
        draw.text((50, 50 + place * 2 * letters), line, font=_font(letters), fill="black")
    return picture


def encoded(picture: Image.Image, kind: str = "PNG", **options: object) -> bytes:
    """Return the picture as a file."""
    file = io.BytesIO()
    picture.save(file, kind, **options)
    return file.getvalue()


def photo(picture: Image.Image, *, orientation: int = 1, offset: str | None = None) -> bytes:
    """Return a JPEG with what a telephone writes into it: place, time, orientation, maker."""
    exif = Image.Exif()
    exif[ExifTags.Base.Make] = "Invented Phones"
    exif[ExifTags.Base.Orientation] = orientation
    shot: dict[int, str] = {ExifTags.Base.DateTimeOriginal: "2026:11:20 08:30:00"}
    if offset is not None:
        shot[ExifTags.Base.OffsetTimeOriginal] = offset
    exif.get_ifd(ExifTags.IFD.Exif).update(shot)
    exif.get_ifd(ExifTags.IFD.GPSInfo).update(
        {
            ExifTags.GPS.GPSLatitudeRef: "N", ExifTags.GPS.GPSLatitude: (39.0, 59.0, 6.0),
            ExifTags.GPS.GPSLongitudeRef: "E", ExifTags.GPS.GPSLongitude: (116.0, 18.0, 36.0),
        }
    )  # fmt: skip
    return encoded(picture, "JPEG", exif=exif, quality=92)


def video(
    scenes: Sequence[Image.Image],
    *,
    seconds: float = 1.0,
    kind: str = "mp4",
    sound: bool = False,
    rate: int = 8,
    codec: str = "libx264",
) -> bytes:
    """Return a video that shows each scene for so long."""
    file = io.BytesIO()
    with av.open(file, "w", format=kind) as made:
        stream: Any = made.add_stream(codec, rate=rate)
        stream.width, stream.height, stream.pix_fmt = *scenes[0].size, "yuv420p"
        stream.gop_size = rate
        voice = made.add_stream("aac", rate=16_000, layout="mono") if sound else None
        for scene in scenes:
            for _ in range(round(seconds * rate)):
                made.mux(stream.encode(av.VideoFrame.from_ndarray(np.asarray(scene), "rgb24")))
        made.mux(stream.encode())
        if voice is not None:
            for piece in _pieces(seconds * len(scenes)):
                made.mux(voice.encode(piece))
            made.mux(voice.encode())
    return file.getvalue()


def voice(kind: str, codec: str, *, rate: int = 16_000) -> bytes:
    """Return two seconds of a tone in a container."""
    file = io.BytesIO()
    with av.open(file, "w", format=kind) as made:
        stream: Any = made.add_stream(codec, rate=rate, layout="mono")
        resampler = av.AudioResampler(stream.format, "mono", rate, stream.frame_size or None)
        for piece in _pieces(2):
            for part in resampler.resample(piece):
                made.mux(stream.encode(part))
        made.mux(stream.encode())
    return file.getvalue()


def _pieces(seconds: float) -> Iterator[av.AudioFrame]:
    """Yield a tone in frames of 1,024 samples, 16,000 a second."""
    for start in range(0, round(seconds * 16_000), 1024):
        times = np.arange(start, start + 1024) / 16_000
        samples = (np.sin(2 * math.pi * 440 * times) * 0.3).astype(np.float32)
        frame = av.AudioFrame.from_ndarray(samples[None, :], "fltp", "mono")
        frame.sample_rate, frame.pts = 16_000, start
        yield frame


def tone(seconds: float, *, rate: int = 16_000, loud: float = 0.3) -> bytes:
    """Return a WAV of one tone, or of silence where `loud` is 0."""
    file = io.BytesIO()
    times = np.arange(round(seconds * rate)) / rate
    samples = (np.sin(2 * math.pi * 440 * times) * loud * 32767).astype("<i2")
    with wave.open(file, "wb") as made:
        made.setnchannels(1)
        made.setsampwidth(2)
        made.setframerate(rate)
        made.writeframes(samples.tobytes())
    return file.getvalue()


_KINDS: dict[str, tuple[str, int, list[str], dict[str, str]]] = {
    "zipformer": ("zipformer2", 80, ["x", "x_lens"], {"subsampling_factor": "1"}),
    "paraformer": ("paraformer", 560, ["x", "x_lens"], {}),
    "sense_voice": (
        "sense_voice_ctc",
        560,
        ["x", "x_lens", "language", "text_norm"],
        {
            "normalize_samples": "0", "with_itn": "14", "without_itn": "15", "lang_auto": "0",
            "lang_zh": "3", "lang_en": "4", "lang_ja": "11", "lang_ko": "12", "lang_yue": "7",
        },
    ),
}  # fmt: skip
"""What each kind of model says to be, the width of its input, its inputs, what else it says."""
_TOKENS = ("<blk>", "{word}", "<|zh|>", "<|NEUTRAL|>", "<|Speech|>", "<|withitn|>", "</s>")


def speech_model(folder: Path, word: str, kind: str = "zipformer") -> Path:
    """Make the smallest model for sherpa-onnx of a kind: it hears one word in everything.

    Paraformer says it for every frame; SenseVoice first says its four marks, as the real one does.
    """
    model_type, width, names, told = _KINDS[kind]
    number, count = TensorProto.FLOAT, len(_TOKENS)
    whole = TensorProto.INT64 if kind == "zipformer" else TensorProto.INT32
    likely = [0.0 if place == 1 else -9.0 for place in range(count)]
    marks = [0.0 if place == mark else -9.0 for mark in range(2, 6) for place in range(count)]
    constants = [
        helper.make_tensor("weights", number, (width, count), [0.0] * width * count),
        helper.make_tensor("likely", number, (count,), likely),
        helper.make_tensor("marks", number, (1, 4, count), marks),
    ]
    nodes = [
        helper.make_node("MatMul", ["x", "weights"], ["nothing"]),
        helper.make_node("Add", ["nothing", "likely"], ["heard"]),
        helper.make_node("Concat", ["marks", "heard"], ["marked"], axis=1),
        helper.make_node("Identity", ["marked" if kind == "sense_voice" else "heard"], ["said"]),
        helper.make_node("Identity", ["x_lens"], ["said_lens"]),
    ]
    inputs = [helper.make_tensor_value_info("x", number, ["N", "T", width])]
    inputs += [helper.make_tensor_value_info(name, whole, ["N"]) for name in names[1:]]
    outputs = [
        helper.make_tensor_value_info("said", number, ["N", "S", count]),
        helper.make_tensor_value_info("said_lens", whole, ["N"]),
    ]
    graph = helper.make_graph(nodes, "one-word", inputs, outputs, constants)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    helper.set_model_props(
        model,
        {
            "model_type": model_type, "version": "1", "model_author": "tests", "comment": "made",
            "vocab_size": str(count), "lfr_window_size": "7", "lfr_window_shift": "6",
            "neg_mean": ",".join(["0"] * width), "inv_stddev": ",".join(["1"] * width), **told,
        },
    )  # fmt: skip
    folder.mkdir(exist_ok=True)
    tokens = [f"{token.format(word=word)} {place}\n" for place, token in enumerate(_TOKENS)]
    (folder / "tokens.txt").write_text("".join(tokens))
    (folder / "model.onnx").write_bytes(model.SerializeToString())
    return folder
