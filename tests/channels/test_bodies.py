"""What the JSON channels take and refuse, field by field, for any input."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from channels.api.adapter import to_message
from channels.appeal import read_json, read_parts
from channels.errors import FieldFault, MalformedAppeal

ANY_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
NEAR = st.dictionaries(
    st.sampled_from(["text", "reporter", "place", "txt", "a/b~c"]), ANY_JSON, max_size=4
)


@given(st.binary(max_size=60) | (ANY_JSON | NEAR).map(lambda found: json.dumps(found).encode()))
def test_any_body(body: bytes) -> None:
    """Any bytes are an appeal or a refusal with fields and remedies in both languages."""
    faults: tuple[FieldFault, ...] = ()
    found = None
    try:
        found = read_json(body)
    except MalformedAppeal as error:
        faults = error.faults
    assert (found is None) == bool(faults)
    for fault in faults:
        assert fault.remedy
        assert fault.remedy_zh
        assert fault.field == "" or fault.field.startswith("/")


@given(st.dictionaries(st.sampled_from(["text", "reporter", "place", "x"]), st.text()))
def test_any_form(fields: dict[str, str]) -> None:
    """Any fields of a form are an appeal or a refusal that names one of them."""
    try:
        read_parts(fields)
    except MalformedAppeal as error:
        names = {fault.field.split("/")[1] for fault in error.faults}
        assert names <= set(fields)


@given(st.text(min_size=1))
def test_words_are_kept(text: str) -> None:
    """Words that are accepted are the words of the message, character by character."""
    body = json.dumps({"text": text}).encode()
    try:
        appeal = read_json(body)
    except MalformedAppeal:
        return
    message = to_message(appeal, message_id="1", raw=body, attachments=(), max_text=10_000)
    assert message.text == text
    assert message.raw == body


@pytest.mark.parametrize(
    ("fields", "pointer"),
    [
        ({"reporter": '{"phone": 1}'}, "/reporter/phone"),
        ({"reporter": '{"phone": "1", "phone": "2"}'}, "/reporter/phone"),
        ({"place": "[]"}, "/place"),
        ({"place": ""}, "/place"),
    ],
)
def test_nested_pointers(fields: Any, pointer: str) -> None:
    """A fault within a form's JSON field is named from the form's root."""
    with pytest.raises(MalformedAppeal) as refused:
        read_parts(fields)
    assert [fault.field for fault in refused.value.faults] == [pointer]
