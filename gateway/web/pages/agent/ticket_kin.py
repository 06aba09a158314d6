"""A ticket and others by form: merge it into another, take that back, split it."""

from typing import Final

from channels.errors import FieldFault
from gateway.accounts.permissions import Account
from gateway.confirmation.splitting import FEWEST_PARTS
from gateway.tickets.numbers import MalformedNumber, read_ticket_id
from gateway.tickets.refusal import Refused
from gateway.web.merging import SplitBody, check_parts
from gateway.web.pages.agent.ticket_acts import by_form, read_fields, version_of
from gateway.web.pages.agent.ticket_page import PARTS_OF_SPLIT
from gateway.web.pages.forms import PageForm
from gateway.web.parts import WebParts
from gateway.web.problems import Problem, field_problem


async def _merge(parts: WebParts, account: Account, ticket_id: str, form: PageForm) -> str:
    try:
        into = read_ticket_id(form.get("into"))
    except MalformedNumber:
        raise Refused(
            "cannot-be-merged", "name another ticket that there is", "请填写另一件存在的工单"
        ) from None
    await parts.merging.merge(ticket_id, account.name, version_of(form), into)
    return "merged"


async def _separate(parts: WebParts, account: Account, ticket_id: str, form: PageForm) -> str:
    await parts.merging.take_back(ticket_id, account.name)
    return "separated"


async def _split(parts: WebParts, account: Account, ticket_id: str, form: PageForm) -> str:
    """Split into the parts that are filled in; what is wrong with one is told beside its field."""
    filled = [name for name in PARTS_OF_SPLIT if form.get(name).strip()]
    empty = [name for name in PARTS_OF_SPLIT[:FEWEST_PARTS] if name not in filled]
    if empty:
        faults = [FieldFault(f"/{name}", "say what this part is", "请填写这一件的内容")
                  for name in empty]  # fmt: skip
        raise field_problem(faults)
    said = [{"text": form.get(name).strip()} for name in filled]
    try:
        body = read_fields(SplitBody, {"version": max(version_of(form), 1), "parts": said})
        texts = [part.text for part in body.parts]
        check_parts(texts)
    except Problem as problem:
        raise field_problem(_by_name(problem, filled)) from None
    await parts.splitting.split(ticket_id, account.name, version_of(form), texts)
    return "split"


def _by_name(problem: Problem, names: list[str]) -> list[FieldFault]:
    """Return the faults by the names of their fields: `/parts/1/text` is the second one filled."""
    found = []
    for fault in problem.faults:
        place = fault.field.split("/")[2:3]
        name = names[int(place[0])] if place and place[0].isdigit() else names[0]
        found.append(FieldFault(f"/{name}", fault.remedy, fault.remedy_zh))
    return found


split_by_form: Final = by_form("split", _split)
merge_by_form: Final = by_form("merge", _merge)
separate_by_form: Final = by_form("separate", _separate)
