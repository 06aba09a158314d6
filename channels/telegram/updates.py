"""From one Update of the Bot API to a message, and what to tell whoever's update makes none."""

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

import orjson
import telegram

from channels.body import within
from channels.errors import Unparsable
from channels.message import Message, Place, RemoteMedium, Reporter
from channels.phrases import GREETING as WELCOME
from channels.phrases import another_matter, as_printed, is_greeting

READ: Final = ("message", "edited_message")
"""The kinds of update that are asked for: nothing else tells of an appeal."""

GREETING: Final = WELCOME + as_printed("要反映另一件事,请在 /new 后面写明。")
HOW_ANEW: Final = as_printed("请在 /new 后面写明新的诉求,例如:/new 小区门口的路灯不亮")
NOT_READ: Final = as_printed("暂不能受理这类消息,请用文字、图片、语音、视频或位置说明您的诉求。")

_GREETED: Final = re.compile(r"/(?:start|help)(?:@\w+)?(?:\s|$)")
_NEW: Final = re.compile(r"/new(?:@\w+)?(?:\s+|$)")

Shape = type | dict[str, "Shape"] | list["Shape"]
_FILE: Final[Shape] = {
    "file_id": str, "file_unique_id": str, "file_name": str,
    "width": int, "height": int, "length": int, "duration": int,
}  # fmt: skip
_LOCATION: Final[Shape] = {"longitude": float, "latitude": float}
_MESSAGE: Final[Shape] = {
    "message_id": int,
    "date": int,
    "edit_date": int,
    "chat": {"id": int, "type": str},
    "from": {"id": int, "is_bot": bool, "first_name": str, "last_name": str},
    "media_group_id": str,
    "text": str,
    "caption": str,
    "photo": [_FILE],
    "live_photo": _FILE,
    "voice": _FILE,
    "audio": _FILE,
    "video": _FILE,
    "video_note": _FILE,
    "animation": _FILE,
    "document": _FILE,
    "location": _LOCATION,
    "venue": {"title": str, "address": str},
    "contact": {"phone_number": str, "first_name": str, "last_name": str, "user_id": int},
}
_UPDATE: Final[Shape] = {"update_id": int, **dict.fromkeys(READ, _MESSAGE)}
_ALWAYS: Final = {
    "update_id", "message_id", "date", "chat", "id", "type", "is_bot", "first_name", "file_id",
    "file_unique_id", "longitude", "latitude", "title", "address", "phone_number",
}  # fmt: skip
"""What is there wherever the documentation has it; the library checks sizes and durations."""


@dataclass(frozen=True, slots=True)
class Told:
    """What somebody said to the bot in private, unlocked."""

    update: telegram.Update
    said: telegram.Message
    raw: bytes
    """The message alone, its fields in order: the same whenever Telegram sends it again."""


def read_update(body: bytes) -> Told | None:
    """Return what a citizen said, None where nobody did; raise `Unparsable` with a reason.

    The library takes whatever stands in the JSON. So it gets only the fields that are read here,
    each of the type that is documented: what is new or odd elsewhere in an update spoils nothing.
    """
    try:
        document = orjson.loads(body)
    except orjson.JSONDecodeError:
        raise Unparsable("the body is not JSON in UTF-8") from None
    fields = _unlock(document, _UPDATE, "")
    kind = next((kind for kind in READ if kind in fields), None)
    # Groups are not ours: their chatter is no appeal, and a receipt is for one person only.
    if kind is None or fields[kind]["chat"]["type"] != telegram.Chat.PRIVATE:
        return None
    try:
        raw = orjson.dumps(document[kind], option=orjson.OPT_SORT_KEYS)
        said = telegram.Message.de_json(fields[kind], None)
    except (TypeError, ValueError, OverflowError, OSError) as error:
        # A size is missing, a date out of range, lists in lists; the words may quote a value.
        raise Unparsable(f"the library cannot read it: {type(error).__name__}") from None
    number, is_new = fields["update_id"], kind == "message"
    update = telegram.Update(
        number, message=said if is_new else None, edited_message=None if is_new else said
    )
    return Told(update, said, raw)


def guidance(update: telegram.Update) -> str | None:
    """Return what to tell somebody whose message is no appeal, or None where it is one."""
    said = update.message
    if said is None:
        return None
    text = said.text or ""
    if _GREETED.match(text) or is_greeting(text):
        return GREETING
    if _other_matter(text) == "":
        return HOW_ANEW
    return None if _tells_something(said) else NOT_READ


def to_message(told: Told, channel: str, max_text: int) -> Message | None:
    """Return the appeal, None where it is none; raise `Unparsable` where it is too long.

    All items of an album have one key, as all states of an edited message have: what comes second
    under a key is an addition to what came first.
    """
    said = told.said
    if guidance(told.update) is not None or _adds_nothing(told.update.edited_message):
        return None
    chat = str(said.chat.id)
    words = within(_words(said), max_text)
    other = _other_matter(words)
    group = said.media_group_id
    return Message(
        channel=channel,
        message_id=f"{chat}/album/{group}" if group else f"{chat}/{said.message_id}",
        text=words if other is None else other,
        raw=told.raw,
        reporter=_reporter(said),
        place=_place(said),
        sent_at=_utc(said.edit_date or said.date),
        media=_media(said),
        conversation=chat,
        anew=other is not None,
        reply_to=chat,
    )


def _other_matter(words: str) -> str | None:
    """Return what is told of another matter, None where it is the same one."""
    found = _NEW.match(words)
    return words[found.end() :] if found else another_matter(words)


def _unlock(value: Any, shape: Shape, pointer: str) -> Any:
    """Return what the shape names of a value; its own words are never in the reason."""
    if isinstance(shape, dict):
        if not isinstance(value, dict):
            raise Unparsable(f"{pointer or 'the body'} is not an object")
        given = {name: value[name] for name in shape if value.get(name) is not None}
        if missing := sorted(_ALWAYS & shape.keys() - given.keys()):
            raise Unparsable(f"{pointer}/{missing[0]} is missing")
        return {name: _unlock(given[name], shape[name], f"{pointer}/{name}") for name in given}
    if isinstance(shape, list):
        if not isinstance(value, list):
            raise Unparsable(f"{pointer} is not an array")
        return [_unlock(item, shape[0], f"{pointer}/{at}") for at, item in enumerate(value)]
    if shape is float and type(value) is int:
        return float(value)
    if type(value) is not shape:
        raise Unparsable(f"{pointer} is not a {shape.__name__}")
    if isinstance(value, str) and "\x00" in value:
        raise Unparsable(f"{pointer} holds a NUL character")
    return value


def _utc(moment: datetime) -> datetime:
    return moment.astimezone(UTC)


def _tells_something(said: telegram.Message) -> bool:
    anything = said.text or said.caption or said.location or said.contact
    return bool(anything or _media(said))


def _adds_nothing(edited: telegram.Message | None) -> bool:
    """Whether an edit has nothing to read, or only moves a location that is shared live.

    Such a location is edited every few seconds, for hours: what was told is where it began.
    """
    if edited is None:
        return False
    return edited.location is not None or not _tells_something(edited)


def _words(said: telegram.Message) -> str:
    """Return the text; somebody else's contact is part of it, not of who reports."""
    words = said.text or said.caption or ""
    contact = said.contact
    if contact is None or _is_own(said):
        return words
    name = " ".join(filter(None, (contact.first_name, contact.last_name)))
    return f"联系人:{name} {contact.phone_number}"


def _is_own(said: telegram.Message) -> bool:
    sender, contact = said.from_user, said.contact
    return bool(sender and contact and contact.user_id == sender.id)


def _reporter(said: telegram.Message) -> Reporter | None:
    sender = said.from_user
    if sender is None:
        return None
    phone = said.contact.phone_number if said.contact and _is_own(said) else None
    return Reporter(name=sender.full_name.strip() or None, phone=phone)


def _place(said: telegram.Message) -> Place | None:
    where = said.location
    if where is None:
        return None
    if not (abs(where.longitude) <= 180 and abs(where.latitude) <= 90):
        raise Unparsable("the location is not on earth")
    venue = said.venue
    address = " ".join(filter(None, (venue.address, venue.title))) if venue else ""
    return Place(address or None, where.longitude, where.latitude)


def _media(said: telegram.Message) -> tuple[RemoteMedium, ...]:
    """Return what lies with Telegram; of a picture only its largest size."""
    if said.photo:
        largest = max(said.photo, key=lambda size: size.width * size.height)
        return (RemoteMedium(largest.file_id, "photo.jpg"),)
    # An animation is told as a document too: the first that is there is all there is.
    for item, name in (
        (said.live_photo, "live_photo.mp4"),
        (said.voice, "voice.ogg"),
        (said.audio, "audio.mp3"),
        (said.video, "video.mp4"),
        (said.video_note, "video_note.mp4"),
        (said.animation, "animation.mp4"),
        (said.document, "document"),
    ):
        if item is not None:
            own = getattr(item, "file_name", None)
            return (RemoteMedium(item.file_id, (own or name)[:200]),)
    return ()
