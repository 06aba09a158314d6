"""An entry as fields of a form, and back."""

from typing import Final

import orjson

from channels.errors import FieldFault
from gateway.knowledge.entries import Content
from gateway.web.body import body_from
from gateway.web.entries import EntryBody, content_of
from gateway.web.pages.forms import PageForm
from gateway.web.pages.words import Pair
from gateway.web.parts import WebParts
from gateway.web.problems import Problem, field_problem

LABELS: Final[dict[str, Pair]] = {
    "question": ("问题", "Question"),
    "asks": ("其他问法", "Other ways of asking"),
    "answer": ("答案", "Answer"),
    "topic": ("主题", "Topic"),
    "unit": ("承办单位", "Unit"),
    "source_title": ("来源", "Source"),
    "source_url": ("来源网址", "Address of the source"),
    "owner": ("负责人", "Owner"),
    "valid_from": ("生效日期", "First day"),
    "valid_to": ("截止日期", "Last day"),
}
"""Every field, in the order of the form."""
_REQUIRED: Final = ("question", "answer", "topic", "unit", "source_title")
POINTERS: Final = (
    ("/source/url", "source_url"),
    ("/source", "source_title"),
    *((f"/{name}", name) for name in LABELS),
)
"""Which field of the form the parts of a body stand in."""
_ORDER: Final = FieldFault(
    "/valid_to",
    "choose a last day that does not lie before the first one",
    "截止日期不能早于生效日期",
)


def fields_of(content: Content) -> dict[str, str]:
    """Return what the form's fields hold of an entry."""
    return {
        "question": content.question,
        "asks": "\n".join(content.asks),
        "answer": content.answer,
        "topic": str(content.topic),
        "unit": content.unit,
        "source_title": content.source.title,
        "source_url": content.source.url or "",
        "owner": content.owner,
        "valid_from": content.valid_from.isoformat() if content.valid_from else "",
        "valid_to": content.valid_to.isoformat() if content.valid_to else "",
    }


def typed_fields(form: PageForm) -> dict[str, str]:
    """Return what was typed."""
    return {name: form.get(name) for name in LABELS}


def content_from(parts: WebParts, form: PageForm, editor: str) -> Content:
    """Return what was written; raise a `Problem` that names every field that is not right."""
    said = {name: value.strip() for name, value in typed_fields(form).items()}
    given = {
        **{name: said[name] for name in ("question", "answer", "topic", "unit")},
        "asks": [line.strip() for line in said["asks"].split("\n") if line.strip()],
        "source": {"title": said["source_title"], "url": said["source_url"] or None},
        **{name: said[name] or None for name in ("owner", "valid_from", "valid_to")},
    }
    missing = [_missing(name) for name in _REQUIRED if not said[name]]
    if missing:
        raise field_problem(missing)
    try:
        return content_of(parts, body_from(orjson.dumps(given), EntryBody), editor)
    except Problem as problem:
        raise _beside_fields(problem) from None


def _missing(name: str) -> FieldFault:
    pointer = next(pointer for pointer, field in POINTERS if field == name)
    chinese, english = LABELS[name]
    return FieldFault(pointer, f"fill this in: {english}", f"请填写:{chinese}")


def _beside_fields(problem: Problem) -> Problem:
    """Return the problem with each fault beside a field of the form."""
    if problem.kind == "unknown-unit":
        return field_problem([FieldFault("/unit", problem.remedy, problem.remedy_zh)])
    # What is wrong with a body as a whole is the order of its days: all else has a field.
    return field_problem([fault if fault.field else _ORDER for fault in problem.faults])
