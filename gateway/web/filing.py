"""The body of an appeal as it comes: JSON, or multipart with files that go to the store."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import orjson
from aiohttp import BodyPartReader, web

from channels.appeal import AppealBody, read_json, read_parts
from channels.body import repeated_field, unknown_field
from channels.errors import FieldFault, MalformedAppeal
from channels.message import Attachment
from gateway.intake.attachments import EmptyFile, FileTooLarge
from gateway.intake.uploads import NoSuchUpload, UploadUnfinished
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
            return await with_uploads(parts, Filed(read_json(raw), raw))
        if request.content_type == "multipart/form-data":
            return await with_uploads(parts, await _read_multipart(request, parts))
    except MalformedAppeal as error:
        raise field_problem(error.faults) from None
    raise Problem(
        "unsupported-media-type",
        "Content-Type: send application/json, or multipart/form-data with files",
        "Content-Type:请使用 application/json,带文件时用 multipart/form-data",
    )


async def with_uploads(parts: WebParts, filed: Filed) -> Filed:
    """Return it with the files that were uploaded before; raise a `Problem` as `read_appeal`."""
    if filed.body.uploads is None:
        return filed
    uploaded = await take_uploads(parts, filed.body.uploads.root, len(filed.attachments))
    return replace(filed, attachments=(*filed.attachments, *uploaded))


async def take_uploads(
    parts: WebParts, tokens: Sequence[str], before: int = 0
) -> tuple[Attachment, ...]:
    """Return the files of these tokens, `before` of which came otherwise; raise a `Problem`."""
    if before + len(tokens) > parts.settings.max_files:
        raise field_problem([_too_many(parts)])
    found = []
    for place, token in enumerate(tokens):
        try:
            found.append(await parts.uploads.take(token))
        except (NoSuchUpload, UploadUnfinished):
            raise field_problem([_not_uploaded(place)]) from None
        except EmptyFile:
            raise field_problem([_empty()]) from None
        except FileTooLarge:
            raise too_large("files", parts.settings.max_file) from None
        except OSError:
            raise unavailable() from None
    return tuple(found)


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
                attachments.append(await keep_file(part, pace, parts, len(attachments)))
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


async def keep_file(part: BodyPartReader, pace: Pace, parts: WebParts, before: int) -> Attachment:
    """Store the file of a part, the `before`th of its request; raise a `Problem`."""
    if before >= parts.settings.max_files:
        raise field_problem([_too_many(parts)])
    try:
        return await parts.attachments.keep(part.filename or "file", part_chunks(part, pace))
    except FileTooLarge:
        raise too_large("files", parts.settings.max_file) from None
    except EmptyFile:
        raise field_problem([_empty()]) from None
    except OSError:
        raise unavailable() from None


def _too_many(parts: WebParts) -> FieldFault:
    most = parts.settings.max_files
    return FieldFault("/files", f"send at most {most} files", f"最多可附 {most} 个文件")


def _empty() -> FieldFault:
    return FieldFault("/files", "leave empty files out", "请勿附空文件")


def _not_uploaded(place: int) -> FieldFault:
    return FieldFault(
        f"/uploads/{place}",
        "upload the whole file first, within 24 hours before filing",
        "请先完整上传该文件,并在 24 小时内提交",
    )
