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


def speech_model(folder: Path, word: str) -> Path:
    """Make the smallest Zipformer CTC model for sherpa-onnx: it hears one word in everything."""
    weights = helper.make_tensor("w", TensorProto.FLOAT, (80, 2), [0.0] * 160)
    likely = helper.make_tensor("b", TensorProto.FLOAT, (2,), [-5.0, -0.01])
    inputs = [
        helper.make_tensor_value_info("x", TensorProto.FLOAT, ["N", "T", 80]),
        helper.make_tensor_value_info("x_lens", TensorProto.INT64, ["N"]),
    ]
    outputs = [
        helper.make_tensor_value_info("log_probs", TensorProto.FLOAT, ["N", "T", 2]),
        helper.make_tensor_value_info("log_probs_len", TensorProto.INT64, ["N"]),
    ]
    nodes = [
        helper.make_node("MatMul", ["x", "w"], ["y"]),
        helper.make_node("Add", ["y", "b"], ["log_probs"]),
        helper.make_node("Identity", ["x_lens"], ["log_probs_len"]),
    ]
    graph = helper.make_graph(nodes, "one-word", inputs, outputs, [weights, likely])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    told = {
        "model_type": "zipformer2", "version": "1", "model_author": "tests", "comment": "made",
        "vocab_size": "2", "subsampling_factor": "1",
    }  # fmt: skip
    helper.set_model_props(model, told)
    folder.mkdir(exist_ok=True)
    (folder / "tokens.txt").write_text(f"<blk> 0\n{word} 1\n")
    (folder / "model.onnx").write_bytes(model.SerializeToString())
    return folder
