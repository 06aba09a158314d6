"""The body of an appeal as it comes: JSON, or multipart with files that go to the store."""

from dataclasses import dataclass

import orjson
from aiohttp import BodyPartReader, web

from channels.appeal import AppealBody, read_json, read_parts
from channels.body import repeated_field, unknown_field
from channels.errors import FieldFault, MalformedAppeal
from channels.message import Attachment
from gateway.intake.attachments import EmptyFile, FileTooLarge
from gateway.web.accepting import unavailable
from gateway.web.body import Pace, malformed, part_chunks, read_body, read_part, too_large
from gateway.web.parts import PARTS, WebParts
from gateway.web.problems import Problem, field_problem


@dataclass(frozen=True, slots=True)
class Filed:
    """What was sent: its fields, the bytes that are kept as evidence, and its files."""

    body: AppealBody
    raw: bytes
    attachments: tuple[Attachment, ...] = ()


async def read_appeal(request: web.Request) -> Filed:
    """Return what a request files; raise a `Problem` that names every bad field."""
    parts = request.app[PARTS]
    try:
        if request.content_type == "application/json":
            raw = await read_body(request)
            return Filed(read_json(raw), raw)
        if request.content_type == "multipart/form-data":
            return await _read_multipart(request, parts)
    except MalformedAppeal as error:
        raise field_problem(error.faults) from None
    raise Problem(
        "unsupported-media-type",
        "Content-Type: send application/json, or multipart/form-data with files",
        "Content-Type:请使用 application/json,带文件时用 multipart/form-data",
    )


async def _read_multipart(request: web.Request, parts: WebParts) -> Filed:
    pace = Pace(parts)
    fields: dict[str, str] = {}
    attachments: list[Attachment] = []
    try:
        reader = await request.multipart()
        while (part := await pace.keep(reader.next())) is not None:
            if not isinstance(part, BodyPartReader) or not part.name:
                raise malformed("name every part", "请为每个部分命名")
            if part.name == "files":
                attachments.append(await _keep_file(part, pace, parts, len(attachments)))
            elif part.name not in AppealBody.model_fields:
                raise field_problem([unknown_field(part.name)])
            elif part.name in fields:
                raise field_problem([repeated_field(part.name)])
            else:
                content = await read_part(part, pace, parts.settings.max_body)
                fields[part.name] = content.decode()
    except UnicodeDecodeError:
        raise malformed("send all fields in UTF-8", "请使用 UTF-8 编码") from None
    except (ValueError, RuntimeError, AssertionError):
        raise malformed(
            "send a well-formed multipart/form-data body with its boundary",
            "请发送格式正确且带 boundary 的 multipart/form-data 内容",
        ) from None
    return Filed(read_parts(fields), orjson.dumps(fields), tuple(attachments))


async def _keep_file(part: BodyPartReader, pace: Pace, parts: WebParts, before: int) -> Attachment:
    if before >= parts.settings.max_files:
        raise field_problem(
            [
                FieldFault(
                    "/files",
                    f"send at most {parts.settings.max_files} files",
                    f"最多可附 {parts.settings.max_files} 个文件",
                )
            ]
        )
    try:
        return await parts.attachments.keep(part.filename or "file", part_chunks(part, pace))
    except FileTooLarge:
        raise too_large("files", parts.settings.max_file) from None
    except EmptyFile:
        raise field_problem(
            [FieldFault("/files", "leave empty files out", "请勿附空文件")]
        ) from None
    except OSError:
        raise unavailable() from None
