"""Pictures: the words in them, a view without what the camera wrote, and its facts.

Imported by the child only.
"""

import math
import re
import struct
import zlib
from collections.abc import Callable
from datetime import datetime
from typing import Any, BinaryIO, Final

from PIL import ExifTags, Image, ImageFile, ImageOps
from pillow_heif import register_heif_opener

from gateway.intake.media.findings import MOST_TEXT, Derived, Findings, Note, Unreadable
from gateway.intake.media.ocr import TextReader, size_to_read

MOST_PIXELS: Final = 50_000_000
LONGEST_VIEW: Final = 2048
_QUALITY: Final = 85
_FORMATS: Final = ("JPEG", "PNG", "GIF", "WEBP", "BMP", "HEIF", "AVIF")
_BROKEN: Final = (OSError, SyntaxError, ValueError, EOFError, struct.error, zlib.error)
_TURNED: Final = frozenset({5, 6, 7, 8})
_OFFSET: Final = re.compile(r"[+-]\d\d:\d\d")
Facts = dict[str, bool | int | float | str]

Image.init()  # all formats, of which only those below are opened
register_heif_opener()
# Checked here, before anything is decoded: Pillow's own limit only warns at first.
Image.MAX_IMAGE_PIXELS = None


def read_picture(content: BinaryIO, view: BinaryIO, reader: Callable[[], TextReader]) -> Findings:
    """Return what stands in the picture, and write its view; raise `Unreadable`."""
    try:
        picture, facts = _decoded(content, lenient=False)
    except _BROKEN:
        try:
            picture, facts = _decoded(content, lenient=True)
        except _BROKEN:
            raise Unreadable(Note.DAMAGED) from None
        facts["truncated"] = True
    write_view(picture, view)
    text = "\n".join(reader().lines(picture))[:MOST_TEXT]
    return Findings(text=text, facts=facts, derived=Derived(kind="view"))


def write_view(picture: Image.Image, view: BinaryIO) -> None:
    """Write the pixels, and nothing else, as a JPEG of bounded size."""
    scale = min(1.0, LONGEST_VIEW / max(picture.size))
    size = (max(1, round(picture.width * scale)), max(1, round(picture.height * scale)))
    bare = Image.new("RGB", size)
    bare.paste(picture.resize(size, reducing_gap=2.0))
    bare.save(view, "JPEG", quality=_QUALITY)


def _decoded(content: BinaryIO, *, lenient: bool) -> tuple[Image.Image, Facts]:
    """Return the first frame, upright, opaque and no larger than it is read, and the facts.

    `lenient` takes half a picture.
    """
    content.seek(0)
    ImageFile.LOAD_TRUNCATED_IMAGES = lenient
    with Image.open(content, formats=_FORMATS) as image:
        width, height = image.size
        if width * height > MOST_PIXELS:
            raise Unreadable(Note.TOO_LARGE)
        frames = int(getattr(image, "n_frames", 1)) if image.format != "MPO" else 1
        image.seek(0)
        exif = image.getexif()
        facts: Facts = {"width": width, "height": height}
        if exif.get(ExifTags.Base.Orientation) in _TURNED:
            facts = {"width": height, "height": width}
        if frames > 1:
            facts["frames"] = frames
        facts |= _place(exif) | _time(exif)
        # A JPEG of a large photo is decoded at a fraction of its size.
        image.draft("RGB", size_to_read(width, height))
        small = _shrunk(image)
    return _opaque(ImageOps.exif_transpose(small)), facts


def _shrunk(image: Image.Image) -> Image.Image:
    """Return the picture in colour at the size at which it is read: the large one can go."""
    mode = "RGBA" if image.has_transparency_data else "RGB"
    colour = image if image.mode == mode else image.convert(mode)
    size = size_to_read(*colour.size)
    colour.load()
    return colour.resize(size, reducing_gap=2.0) if size != colour.size else colour


def _opaque(image: Image.Image) -> Image.Image:
    """Return the picture in RGB, what is transparent in white."""
    if image.mode == "RGB":
        return image
    ground = Image.new("RGB", image.size, "white")
    ground.paste(image, mask=image.getchannel("A"))
    return ground


def _place(exif: Image.Exif) -> Facts:
    """Return where the camera was, WGS 84 degrees, if it says so plausibly."""
    gps = exif.get_ifd(ExifTags.IFD.GPSInfo)
    latitude = _degrees(gps, ExifTags.GPS.GPSLatitude, ExifTags.GPS.GPSLatitudeRef, "S", 90)
    longitude = _degrees(gps, ExifTags.GPS.GPSLongitude, ExifTags.GPS.GPSLongitudeRef, "W", 180)
    if latitude is None or longitude is None or latitude == longitude == 0:
        return {}
    return {"latitude": latitude, "longitude": longitude}


def _degrees(
    gps: dict[int, Any], tag: int, side_tag: int, negative: str, most: int
) -> float | None:
    try:
        parts = [float(part) for part in gps[tag]]
        value = sum(part / 60**place for place, part in enumerate(parts[:3]))
        value = -value if str(gps.get(side_tag, "")).upper().startswith(negative) else value
    except (KeyError, TypeError, ValueError, ZeroDivisionError):
        return None
    return round(value, 6) if math.isfinite(value) and abs(value) <= most else None


def _time(exif: Image.Exif) -> Facts:
    """Return when the picture was taken by the camera's clock; with a zone only if it has one."""
    shot = exif.get_ifd(ExifTags.IFD.Exif)
    try:
        at = datetime.strptime(str(shot[ExifTags.Base.DateTimeOriginal]), "%Y:%m:%d %H:%M:%S")  # noqa: DTZ007
    except (KeyError, ValueError):
        return {}
    offset = str(shot.get(ExifTags.Base.OffsetTimeOriginal, ""))
    return {"taken_at": at.isoformat() + (offset if _OFFSET.fullmatch(offset) else "")}
