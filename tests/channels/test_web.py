"""From the fields of the page's form to an appeal: blank is left out, odd is named."""

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from channels.appeal import appeal_message
from channels.errors import MalformedAppeal
from channels.web.adapter import CHANNEL, read_fields

NAMES = ("text", "address", "longitude", "latitude", "name", "phone", "anything")


def test_fields_become_an_appeal() -> None:
    """What is filled in is the appeal, trimmed; what is blank is not there."""
    given = {"text": " 井盖坏了\n北门 ", "address": "柳荫小区", "name": "", "phone": "  "}
    body = read_fields({**given, "longitude": "116.31", "latitude": "39.98"})
    message = appeal_message(
        CHANNEL, body, message_id="form:1", raw=b"{}", attachments=(), max_text=100
    )
    assert (message.channel, message.message_id, message.text) == (
        "web",
        "form:1",
        "井盖坏了\n北门",
    )
    assert message.reporter is None
    assert message.place is not None
    assert (message.place.address, message.place.longitude) == ("柳荫小区", 116.31)


@pytest.mark.parametrize(
    ("fields", "pointer"),
    [
        ({"text": "a", "name": "n" * 201}, "/reporter/name"),
        ({"text": "a", "longitude": "east", "latitude": "1"}, "/place/longitude"),
        ({"text": "a", "longitude": "181", "latitude": "1"}, "/place/longitude"),
        ({"text": "a", "longitude": "nan", "latitude": "1"}, "/place/longitude"),
        ({"text": "a\x00"}, "/text"),
    ],
)
def test_what_cannot_be_is_named(fields: dict[str, str], pointer: str) -> None:
    """Each fault names its field, as the API names it."""
    with pytest.raises(MalformedAppeal) as refused:
        read_fields(fields)
    assert [fault.field for fault in refused.value.faults] == [pointer]


def test_half_a_position_is_none() -> None:
    """Coordinates count only together."""
    assert read_fields({"text": "a", "longitude": "116"}).place is None


@given(st.dictionaries(st.sampled_from(NAMES), st.text(max_size=300)))
def test_whatever_is_sent_is_read_or_refused(filled: dict[str, str]) -> None:
    """No field of any form makes anything else happen."""
    with suppress(MalformedAppeal):
        body = read_fields(filled)
        assert body.text is None or body.text == filled["text"].strip()
