"""What stands in pictures, what their view shows, and what is refused."""

import io
import struct
import zlib
from pathlib import Path

import filetype  # type: ignore[import-untyped]
import pytest
from PIL import ExifTags, Image
from pillow_heif import register_heif_opener

from gateway.intake.media.child_process import MediaChild
from gateway.intake.media.findings import Note
from tests.media.conftest import Reading
from tests.media.made import NOTICE, encoded, notice, photo

pytestmark = pytest.mark.asyncio(loop_scope="module")
LIMIT_KB = 1_500_000


def png_header(width: int, height: int) -> bytes:
    """Return a PNG that says to be of this size and holds nothing."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return (
            struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        )

    size = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", size)
        + chunk(b"IDAT", zlib.compress(b""))
        + chunk(b"IEND", b"")
    )


def most_memory(child: MediaChild) -> int:
    """Return the most memory that the child has ever held, in KB."""
    lines = Path(f"/proc/{child.pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM:"))


async def test_the_words_of_a_notice_are_read(read: Reading) -> None:
    """The lines come from top to bottom."""
    found = (await read(encoded(notice()), "image/png")).found
    assert found.text.splitlines() == list(NOTICE)
    assert (found.facts, found.note) == ({"width": 900, "height": 420}, None)


async def test_the_view_holds_nothing_but_pixels(read: Reading) -> None:
    """Place, time, maker and orientation are stripped; place and time are kept as facts."""
    sideways = notice().transpose(Image.Transpose.ROTATE_90)
    seen = await read(photo(sideways, orientation=6, offset="+08:00"), "image/jpeg")
    assert seen.found.text.splitlines() == list(NOTICE)
    assert seen.found.facts == {
        "width": 900, "height": 420, "latitude": 39.985, "longitude": 116.31,
        "taken_at": "2026-11-20T08:30:00+08:00",
    }  # fmt: skip
    with Image.open(io.BytesIO(seen.made)) as view:
        assert (view.format, view.size) == ("JPEG", (900, 420))
        assert not view.getexif()
        assert "exif" not in view.info
    assert b"Invented" not in seen.made


async def test_no_zone_is_invented(read: Reading) -> None:
    """A camera that does not know its zone tells the time of its own clock only."""
    found = (await read(photo(Image.new("RGB", (40, 40))), "image/jpeg")).found
    assert found.facts["taken_at"] == "2026-11-20T08:30:00"


async def test_a_place_that_cannot_be_is_no_fact(read: Reading) -> None:
    """Latitude 139 is nowhere."""
    exif = Image.Exif()
    gps = exif.get_ifd(ExifTags.IFD.GPSInfo)
    gps.update({ExifTags.GPS.GPSLatitude: (139.0, 0, 0), ExifTags.GPS.GPSLongitude: (116.0, 0, 0)})
    found = (await read(encoded(notice(), "JPEG", exif=exif), "image/jpeg")).found
    assert set(found.facts) == {"width", "height"}


async def test_telephones_pictures_are_read(read: Reading) -> None:
    """HEIC is read like any other, its facts too, and gets a view that browsers show."""
    register_heif_opener()
    exif = Image.open(io.BytesIO(photo(notice()))).info["exif"]
    seen = await read(encoded(notice(), "HEIF", exif=exif), "image/heic")
    assert seen.found.text.splitlines() == list(NOTICE)
    assert seen.found.facts["latitude"] == 39.985
    assert seen.made.startswith(b"\xff\xd8")


async def test_of_animated_pictures_the_first_frame_is_read(read: Reading) -> None:
    """The facts say how many there are."""
    frames = [notice("小区门口积水"), notice("第二张"), notice("第三张")]
    gif = encoded(frames[0], "GIF", save_all=True, append_images=frames[1:], duration=100)
    found = (await read(gif, "image/gif")).found
    assert (found.text, found.facts["frames"]) == ("小区门口积水", 3)


async def test_long_pictures_are_read_in_pieces(read: Reading) -> None:
    """The picture of a whole chat is read to its end, at a size at which it can be."""
    lines = [f"第{number}条消息" for number in range(1, 40)]
    found = (await read(encoded(notice(*lines, size=(600, 3300), letters=40)), "image/png")).found
    assert found.text.splitlines() == lines


@pytest.mark.parametrize("size", [(50_000, 50_000), (7_100, 7_100)])
async def test_a_bomb_is_refused_before_it_is_decoded(
    read: Reading, child: MediaChild, size: tuple[int, int]
) -> None:
    """More than fifty million pixels are too many, whatever the file's size."""
    assert (await read(png_header(*size), "image/png")).found.note is Note.TOO_LARGE
    assert most_memory(child) < LIMIT_KB


async def test_what_is_no_picture_is_damaged(read: Reading) -> None:
    """A zip that calls itself a picture is none."""
    found = (await read(b"PK\x03\x04" + bytes(100), "image/jpeg")).found
    assert (found.note, found.text, found.derived) == (Note.DAMAGED, "", None)


async def test_half_a_picture_gives_what_can_be_seen(read: Reading) -> None:
    """A picture that broke off is read as far as it goes, and says so."""
    whole = encoded(notice(), "JPEG")
    found = (await read(whole[: len(whole) // 2], "image/jpeg")).found
    assert found.text.startswith(NOTICE[0])
    assert found.facts["truncated"] is True


async def test_the_largest_pictures_fit_into_the_memory(read: Reading, child: MediaChild) -> None:
    """Forty-eight million pixels with transparency leave the child under 1.5 GB."""
    large = notice(size=(8000, 6000), letters=200).convert("RGBA")
    found = (await read(encoded(large, compress_level=1), "image/png")).found
    assert found.text.splitlines() == list(NOTICE)
    assert most_memory(child) < LIMIT_KB


@pytest.mark.parametrize("kind", ["WEBP", "BMP", "AVIF"])
async def test_other_pictures_are_read(read: Reading, kind: str) -> None:
    """Each is recognised by its content."""
    content = encoded(notice(), kind)
    media_type = str(filetype.guess_mime(content))
    assert media_type.startswith("image/")
    assert (await read(content, media_type)).found.text.splitlines() == list(NOTICE)
