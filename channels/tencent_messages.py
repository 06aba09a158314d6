"""The XML messages that WeChat and WeCom both send, unlocked field by field."""

import re
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Final
from xml.etree.ElementTree import ParseError

from defusedxml.common import DefusedXmlException
from defusedxml.ElementTree import fromstring
from pydantic import TypeAdapter, ValidationError

from channels.body import SpokenText, within
from channels.coordinates import gcj02_to_wgs84
from channels.errors import Unparsable
from channels.message import Message, Place, RemoteMedium
from channels.phrases import another_matter

Fields = Mapping[str, str]
"""The texts of the elements right below the root, by name."""

_SPOKEN: Final = TypeAdapter(SpokenText)
_NUMBER: Final = re.compile(r"[0-9]{1,20}")
_SECONDS: Final = re.compile(r"[0-9]{1,11}")
_DEGREES: Final = re.compile(r"-?[0-9]{1,3}(?:\.[0-9]{1,20})?")
_WORD: Final = re.compile(r"[A-Za-z0-9_]{1,32}")
_NOT_PASSED_ON: Final = "【收到不支持的消息类型"
"""What the platform writes itself, instead of a sticker or a file that it does not hand on."""
_LONGEST_NAME: Final = 200
_LARGEST: Final = 64 * 1024
"""Bytes, many times what the platform lets a citizen write: anybody can make us read XML."""


def read_xml(body: bytes) -> Fields:
    """Return the fields of a document; raise `Unparsable`, for any document type declared too."""
    if len(body) > _LARGEST:
        raise Unparsable(f"larger than {_LARGEST} bytes")
    try:
        root = fromstring(body, forbid_dtd=True)
    except DefusedXmlException:
        raise Unparsable("an XML document with a document type is not read") from None
    except (ParseError, ValueError, LookupError):
        raise Unparsable("not a well-formed XML document") from None
    return {element.tag: element.text or "" for element in root}


def read_message(channel: str, fields: Fields, raw: bytes, max_text: int) -> Message:
    """Return the message of a follower or a member; raise `Unparsable` where it cannot be read."""
    sender = _needed(fields, "FromUserName")
    if len(sender) > _LONGEST_NAME:
        raise Unparsable("FromUserName is too long")
    bare = Message(
        channel=channel,
        message_id=_matching(fields, "MsgId", _NUMBER),
        text="",
        raw=raw,
        sent_at=_created(fields),
        conversation=sender,
        reply_to=sender,
        answered=True,
    )
    message = _with_content(bare, fields)
    within(message.text, max_text)
    return message


def _with_content(bare: Message, fields: Fields) -> Message:
    match kind := fields.get("MsgType", ""):
        case "text":
            return _with_text(bare, _needed(fields, "Content"))
        case "image":
            return _with_medium(bare, fields, "picture.jpg")
        case "voice":
            # Without what the platform has heard, its sound is read like any other.
            name = f"voice.{_matching(fields, 'Format', _WORD) if fields.get('Format') else 'amr'}"
            return _with_medium(bare, fields, name, fields.get("Recognition", "").strip() or None)
        case "video" | "shortvideo":
            return _with_medium(bare, fields, "video.mp4")
        case "location":
            return replace(bare, place=_place(fields))
        case "link":
            lines = [fields.get(name, "").strip() for name in ("Title", "Description", "Url")]
            return _with_text(bare, "\n".join(line for line in lines if line))
        case _:
            known = kind if _WORD.fullmatch(kind) else "without a name"
            raise Unparsable(f"a kind of message that is not read here: {known}")


def _with_text(bare: Message, text: str) -> Message:
    if text.startswith(_NOT_PASSED_ON):
        raise Unparsable("a kind of message that the platform does not hand on")
    try:
        _SPOKEN.validate_python(text)
    except ValidationError:
        raise Unparsable("nothing visible is said") from None
    rest = another_matter(text)
    # The word alone opens the ticket that the next message goes on with.
    return replace(bare, text=rest or text, anew=rest is not None)


def _with_medium(
    bare: Message, fields: Fields, name: str, transcript: str | None = None
) -> Message:
    return replace(bare, media=(RemoteMedium(_needed(fields, "MediaId"), name, transcript),))


def _place(fields: Fields) -> Place:
    """Return the place; `Location_X` is the latitude, and both are those of Chinese maps."""
    latitude = float(_matching(fields, "Location_X", _DEGREES))
    longitude = float(_matching(fields, "Location_Y", _DEGREES))
    if abs(latitude) > 90 or abs(longitude) > 180:
        raise Unparsable("Location_X or Location_Y is not on earth")
    east, north = gcj02_to_wgs84(longitude, latitude)
    address = fields.get("Label", "").strip()[:_LONGEST_NAME]
    return Place(address or None, round(east, 6), round(north, 6))


def _created(fields: Fields) -> datetime:
    return datetime.fromtimestamp(int(_matching(fields, "CreateTime", _SECONDS)), UTC)


def _needed(fields: Fields, name: str) -> str:
    value = fields.get(name, "")
    if not value:
        raise Unparsable(f"{name} is missing")
    return value


def _matching(fields: Fields, name: str, form: re.Pattern[str]) -> str:
    value = _needed(fields, name)
    if not form.fullmatch(value):
        raise Unparsable(f"{name} has another form than documented")
    return value
