"""Messages as the platforms document them, and what becomes of each field."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import channels
from channels.errors import Unparsable
from channels.message import Message, Place, RemoteMedium
from channels.tencent_messages import read_message, read_xml
from tests.channels.tencent import message

FOLDER = Path(channels.__file__).parent
PAYLOADS = {
    f"{path.parents[1].name}/{path.stem}": path
    for channel in ("wechat", "wecom")
    for path in sorted((FOLDER / channel / "payloads").glob("*.xml"))
}
SENDERS = {"wechat": "oFollower-0123456789abcdefgh", "wecom": "LiXiaoming"}
SAID: dict[str, dict[str, Any]] = {
    "text": {"text": "朝阳区望京西园四区楼道的灯坏了,已经一个星期"},
    "text-another-matter": {"text": "小区南门的共享单车堵住了盲道", "anew": True},
    "image": {"media": (RemoteMedium("picture-1", "picture.jpg"),)},
    "voice": {"media": (RemoteMedium("voice-1", "voice.amr"),)},
    "voice-recognised": {"media": (RemoteMedium("voice-2", "voice.amr", "楼上漏水漏到我家了"),)},
    "video": {"media": (RemoteMedium("video-1", "video.mp4"),)},
    "shortvideo": {"media": (RemoteMedium("video-2", "video.mp4"),)},
    "location": {"place": Place("西城区府右街", 116.377817, 39.911954)},
    "link": {"text": "街道停水通知\n明天停水到几点没有说\nhttps://example.org/notice"},
}


def read(raw: bytes, channel: str = "wechat", max_text: int = 1000) -> Message:
    """Return the message of a payload."""
    return read_message(channel, read_xml(raw), raw, max_text)


@pytest.mark.parametrize("name", [name for name, path in PAYLOADS.items() if path.stem in SAID])
def test_payloads(name: str) -> None:
    """Each documented kind says what it says, and who said it when."""
    channel, kind = name.split("/")
    raw = PAYLOADS[name].read_bytes()
    found = read(raw, channel)
    expected = Message(
        channel=channel,
        message_id=read_xml(raw)["MsgId"],
        raw=raw,
        sent_at=datetime(2026, 11, 27, tzinfo=UTC),
        conversation=SENDERS[channel],
        reply_to=SENDERS[channel],
        answered=True,
        **{"text": "", **SAID[kind]},
    )
    assert found == expected


def test_every_payload_is_tried() -> None:
    """Nothing lies in the folders that no test reads; events carry no message."""
    events = {name for name, path in PAYLOADS.items() if path.stem not in SAID}
    assert {read_xml(PAYLOADS[name].read_bytes())["MsgType"] for name in events} == {"event"}
    assert {path.stem for path in PAYLOADS.values()} >= set(SAID)


@pytest.mark.parametrize(
    ("said", "text", "anew"),
    [
        ("新诉求:路灯坏了", "路灯坏了", True), ("新诉求 路灯坏了", "路灯坏了", True),
        (" 新诉求，路灯坏了", "路灯坏了", True), ("新诉求", "新诉求", True),
        ("我有新诉求", "我有新诉求", False), ("路灯坏了", "路灯坏了", False),
    ],
)  # fmt: skip
def test_another_matter(said: str, text: str, anew: bool) -> None:
    """The word at the beginning parts this matter from the last one, and is no part of it."""
    found = read(message("text", "o1", Content=said))
    assert (found.text, found.anew) == (text, anew)


def test_longest_text() -> None:
    """A text may be as long as the setting says, and not longer."""
    assert len(read(message("text", "o1", Content="字" * 10), max_text=10).text) == 10
    with pytest.raises(Unparsable, match="longer than 10 characters"):
        read(message("text", "o1", Content="字" * 11), max_text=10)


def reason(raw: bytes) -> str:
    """Return why a payload is not read, nothing where it is."""
    try:
        read(raw)
    except Unparsable as error:
        return str(error)
    return ""


@given(st.binary(max_size=200) | st.text(st.characters(codec="utf-8")).map(str.encode))
def test_any_bytes(body: bytes) -> None:
    """Whatever comes is read or refused with a reason that quotes nothing of it."""
    raw = b"<xml><Content>" + body + b"</Content></xml>"
    assert all(reason(document).isascii() for document in (body, raw))


@given(
    st.fixed_dictionaries(
        {},
        optional={
            name: st.text(st.characters(codec="utf-8", exclude_categories=["Cc"]), max_size=30)
            for name in ("Content", "MediaId", "Format", "Location_X", "Location_Y", "CreateTime")
        },
    ),
    st.sampled_from(["text", "image", "voice", "video", "location", "link", "event", "新"]),
)
def test_any_fields(fields: dict[str, str], kind: str) -> None:
    """Fields of any content make a message or a reason, and never another error."""
    assert reason(message(kind, "o1", **fields)).isascii()
