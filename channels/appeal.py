"""An appeal as an app, a form, a script or a chat files it: the body of our own interfaces."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, RootModel, StringConstraints, ValidationError

from channels.body import (
    PlaceBody,
    ReporterBody,
    SpokenText,
    StrictBody,
    faults_of,
    read_strictly,
    says_nothing,
    too_long,
)
from channels.errors import MalformedAppeal
from channels.message import Attachment, Message

UploadToken = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]{32}$")]


class UploadTokens(RootModel[tuple[UploadToken, ...]]):
    """What `POST /api/v1/uploads` gave for files that have come whole."""

    model_config = ConfigDict(frozen=True)


class AppealBody(StrictBody):
    """What happened, who tells of it, and where it is; each may be left out."""

    text: SpokenText | None = Field(
        None, title="诉求内容 what happened", examples=["楼道里有很浓的臭鸡蛋味"]
    )
    reporter: ReporterBody | None = Field(None, title="诉求人 who reports")
    place: PlaceBody | None = Field(None, title="地点 where the matter lies")
    uploads: UploadTokens | None = Field(None, title="已上传的文件 files uploaded before")


def read_json(body: bytes) -> AppealBody:
    """Return the appeal of a JSON body; raise `MalformedAppeal` naming every bad field."""
    return read_strictly(AppealBody, body)


def read_parts(parts: Mapping[str, str]) -> AppealBody:
    """Return the appeal of multipart fields: `text` plain, all others as JSON.

    Raises `MalformedAppeal`.
    """
    nested: dict[str, type[BaseModel]] = {
        "reporter": ReporterBody, "place": PlaceBody, "uploads": UploadTokens,
    }  # fmt: skip
    values: dict[str, Any] = {}
    for name, value in parts.items():
        model = nested.get(name)
        try:
            values[name] = read_strictly(model, value.encode()) if model else value
        except MalformedAppeal as error:
            faults = (replace(fault, field=f"/{name}{fault.field}") for fault in error.faults)
            raise MalformedAppeal(*faults) from None
    try:
        return AppealBody.model_validate(values)
    except ValidationError as error:
        raise MalformedAppeal(*faults_of(error)) from None


def appeal_message(
    channel: str,
    body: AppealBody,
    *,
    message_id: str | None,
    raw: bytes,
    attachments: tuple[Attachment, ...],
    max_text: int,
) -> Message:
    """Return the message; raise `MalformedAppeal` where it says nothing or too much."""
    text = body.text or ""
    if not text and not attachments:
        raise MalformedAppeal(says_nothing())
    if len(text) > max_text:
        raise MalformedAppeal(too_long(max_text))
    return Message(
        channel=channel,
        message_id=message_id,
        text=text,
        raw=raw,
        reporter=body.reporter.to_reporter() if body.reporter else None,
        place=body.place.to_place() if body.place else None,
        attachments=attachments,
    )
