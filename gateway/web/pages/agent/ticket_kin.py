"""A ticket and others by form: merge it into another, take that back."""

from typing import Final

from gateway.accounts.permissions import Account
from gateway.tickets.numbers import MalformedNumber, read_ticket_id
from gateway.tickets.refusal import Refused
from gateway.web.pages.agent.ticket_acts import by_form, version_of
from gateway.web.pages.forms import PageForm
from gateway.web.parts import WebParts


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


merge_by_form: Final = by_form("merge", _merge)
separate_by_form: Final = by_form("separate", _separate)
