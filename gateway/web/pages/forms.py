"""Reading the pages' forms: as they come, with bounds; what was typed is there whatever fails."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import parse_qsl

from aiohttp import BodyPartReader, web

from channels.errors import FieldFault
from channels.message import Attachment
from gateway.web.body import Pace, malformed, part_chunks, read_body, read_part, too_large
from gateway.web.filing import keep_file, take_uploads
from gateway.web.pages.cookies import check_form
from gateway.web.pages.look import look_of
from gateway.web.pages.words import sentence
from gateway.web.parts import PARTS, WebParts
from gateway.web.problems import Problem, field_problem

TOKEN: Final = "form_token"  # noqa: S105 - the name of a field
KEY: Final = "key"
_FILES: Final = "files"
_UPLOADS: Final = "uploads"
_MOST_FIELDS: Final = 50


@dataclass(slots=True)
class PageForm:
    """What a form has brought so far."""

    values: dict[str, str] = field(default_factory=dict)
    uploads: list[str] = field(default_factory=list)
    attachments: list[Attachment] = field(default_factory=list)
    problem: Problem | None = None
    """What was wrong with a file; the form is read to its end all the same."""
    brought_files: bool = False

    def get(self, name: str) -> str:
        """Return a field as it was typed, "" where it was not sent."""
        return self.values.get(name, "")

    @property
    def message_id(self) -> str:
        """The key of what is sent: the same page sent again is the same message."""
        return f"form:{self.get(KEY)}"


async def read_form(request: web.Request, form: PageForm) -> None:
    """Read a form into `form`, check where it comes from, keep its files.

    Raises a `Problem`; what had come until then stands in `form`.
    """
    parts = request.app[PARTS]
    try:
        if request.content_type == "multipart/form-data":
            await _read_multipart(request, form, parts)
        else:
            await _read_urlencoded(request, form)
    except (ValueError, RuntimeError, AssertionError):
        raise malformed("send the form again", "请重新提交表单") from None
    check_form(request, form.get(TOKEN))
    if form.problem is not None:
        raise form.problem
    if form.uploads:
        form.attachments += await take_uploads(parts, form.uploads, len(form.attachments))


async def _read_urlencoded(request: web.Request, form: PageForm) -> None:
    body = (await read_body(request)).decode("utf-8", "replace")
    for name, value in parse_qsl(body, keep_blank_values=True, max_num_fields=_MOST_FIELDS):
        _take_field(form, name, value)


async def _read_multipart(request: web.Request, form: PageForm, parts: WebParts) -> None:
    settings = parts.settings
    most = settings.max_body + (settings.max_files + 1) * settings.max_file
    if (request.content_length or 0) > most:
        raise too_large("files", settings.max_file)
    pace = Pace(parts)
    reader = await request.multipart()
    while (part := await pace.keep(reader.next())) is not None:
        if not isinstance(part, BodyPartReader) or not part.name:
            raise malformed("send the form again", "请重新提交表单")
        if part.name != _FILES:
            value = (await read_part(part, pace, settings.max_body)).decode()
            _take_field(form, part.name, value)
        elif part.filename:
            # Before anything is kept: the token comes before the files.
            check_form(request, form.get(TOKEN))
            form.brought_files = True
            await _take_file(part, pace, parts, form, most)


async def _take_file(
    part: BodyPartReader, pace: Pace, parts: WebParts, form: PageForm, most: int
) -> None:
    try:
        if form.problem is None:
            form.attachments.append(await keep_file(part, pace, parts, len(form.attachments)))
    except Problem as problem:
        form.problem = as_fault(problem)
    # A browser hears an answer only when it has sent all: what is not kept is read to its end.
    size = 0
    async for chunk in part_chunks(part, pace):
        size += len(chunk)
        if size > most:
            raise too_large(_FILES, parts.settings.max_file)


def as_fault(problem: Problem) -> Problem:
    """Return a problem of files as one that stands beside their field."""
    if problem.kind != "too-large":
        return problem
    return field_problem([FieldFault(f"/{_FILES}", problem.remedy, problem.remedy_zh)])


def _take_field(form: PageForm, name: str, value: str) -> None:
    if len(form.values) + len(form.uploads) >= _MOST_FIELDS:
        raise malformed("send the form again", "请重新提交表单")
    if name == _UPLOADS:
        form.uploads.append(value)
    else:
        form.values.setdefault(name, value.replace("\r\n", "\n"))


def faults_by_field(
    request: web.Request, problem: Problem, names: Sequence[tuple[str, str]]
) -> dict[str, Any]:
    """Return what is wrong by field of the form; `names` says which pointers are whose."""
    look = look_of(request)
    found: dict[str, str] = {}
    for fault in problem.faults:
        place = next((name for start, name in names if fault.field.startswith(start)), "")
        found.setdefault(place, sentence(look.say(fault.remedy_zh, fault.remedy)))
    return found
