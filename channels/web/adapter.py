"""From the fields of the page's form to an appeal and its message."""

from collections.abc import Mapping
from typing import Any, Final

from pydantic import ValidationError

from channels.appeal import AppealBody, appeal_message
from channels.body import faults_of
from channels.errors import FieldFault, MalformedAppeal
from channels.message import Attachment, Message

CHANNEL: Final = "web"
_REPORTER: Final = ("name", "phone")
_COORDINATES: Final = ("longitude", "latitude")


def read_fields(fields: Mapping[str, str]) -> AppealBody:
    """Return the appeal of the form's fields, all of which may be blank or missing.

    Raises `MalformedAppeal`.
    """
    given = {name: value.strip() for name, value in fields.items() if value.strip()}
    reporter = {name: given[name] for name in _REPORTER if name in given}
    place: dict[str, Any] = {"address": given["address"]} if "address" in given else {}
    if all(name in given for name in _COORDINATES):
        place |= {name: _degrees(name, given[name]) for name in _COORDINATES}
    values = {"text": given.get("text"), "reporter": reporter or None, "place": place or None}
    try:
        return AppealBody.model_validate(values)
    except ValidationError as error:
        raise MalformedAppeal(*faults_of(error)) from None


def form_message(
    body: AppealBody,
    *,
    message_id: str,
    raw: bytes,
    attachments: tuple[Attachment, ...],
    max_text: int,
) -> Message:
    """Return the message; raise `MalformedAppeal` where it says nothing or too much."""
    return appeal_message(
        CHANNEL,
        body,
        message_id=message_id,
        raw=raw,
        attachments=attachments,
        max_text=max_text,
    )


def _degrees(name: str, given: str) -> float:
    try:
        return float(given)
    except ValueError:
        fault = FieldFault(f"/place/{name}", "send degrees as a number", "请提供以度为单位的数字")
        raise MalformedAppeal(fault) from None
