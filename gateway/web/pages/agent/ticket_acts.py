"""What an agent does with a ticket by form: confirm, undo, correct, claim, let go, hand over."""

from collections.abc import Awaitable, Callable
from typing import Any, Final, TypeVar

from aiohttp import web
from pydantic import BaseModel, ValidationError

from channels.body import faults_of
from channels.errors import FieldFault
from gateway.accounts.permissions import Account
from gateway.tickets.refusal import Refused
from gateway.tickets.store import TicketNotFound
from gateway.web.agents import Choice, refusal_problem, ticket_number
from gateway.web.desk import HandOverBody, QuestionBody
from gateway.web.pages.agent.guard import FORM
from gateway.web.pages.agent.ticket_page import SUPPORTING, ticket_page
from gateway.web.pages.forms import PageForm
from gateway.web.pages.rendering import see
from gateway.web.parts import ACCOUNT, PARTS, WebParts
from gateway.web.problems import Problem, field_problem
from gateway.web.route import Handler
from triage.decision import DISTRICT

Body = TypeVar("Body", bound=BaseModel)
Act = Callable[[WebParts, Account, str, PageForm], Awaitable[str]]
"""Does it, and returns the word for what is done; raises `Refused` or a `Problem`."""
_LOCAL: Final = {"属地政府", "属地", DISTRICT}
_SHOWN_FITTING: Final = 5


def by_form(name: str, act: Act) -> Handler:
    """Return the handler of a form: done, back to the ticket; refused, the page with the reason."""

    async def handler(request: web.Request) -> web.Response:
        ticket_id, form = ticket_number(request), request[FORM]
        try:
            done = await act(request.app[PARTS], request[ACCOUNT], ticket_id, form)
        except TicketNotFound as error:
            raise refusal_problem(error) from None
        except Refused as error:
            problem = refusal_problem(error)
        except Problem as error:
            problem = error
        else:
            return see(f"/agent/tickets/{ticket_id}?done={done}")
        return await ticket_page(request, ticket_id, act=name, form=form, problem=problem)

    return handler


def version_of(form: PageForm) -> int:
    """Return the version that the agent has seen; one that cannot be is no ticket's."""
    given = form.get("version")
    return int(given) if given.isascii() and given.isdigit() and len(given) < 10 else 0


def read_fields(model: type[Body], fields: dict[str, Any]) -> Body:
    """Return what a form says; raise a `Problem` that names every bad field."""
    try:
        return model.model_validate(fields)
    except ValidationError as error:
        raise field_problem(faults_of(error)) from None


async def _confirm(parts: WebParts, account: Account, ticket_id: str, form: PageForm) -> str:
    await parts.desk.confirm(ticket_id, account.name, version_of(form), {})
    return "confirmed"


async def _undo(parts: WebParts, account: Account, ticket_id: str, form: PageForm) -> str:
    await parts.desk.undo(ticket_id, account.name)
    return "undone"


async def _correct(parts: WebParts, account: Account, ticket_id: str, form: PageForm) -> str:
    choice = await _choice(parts, form)
    await parts.desk.confirm(ticket_id, account.name, version_of(form), choice)
    return "corrected"


async def _claim(parts: WebParts, account: Account, ticket_id: str, form: PageForm) -> str:
    await parts.claims.claim(ticket_id, account.name)
    return "claimed"


async def _let_go(parts: WebParts, account: Account, ticket_id: str, form: PageForm) -> str:
    await parts.claims.let_go(ticket_id, account.name)
    return "let-go"


async def _hand_over(parts: WebParts, account: Account, ticket_id: str, form: PageForm) -> str:
    fields = {"to": form.get("to"), "note": form.get("note").strip() or None}
    body = read_fields(HandOverBody, fields)
    await parts.claims.hand_over(ticket_id, account, body.to, body.note)
    return "handed-over"


async def _ask(parts: WebParts, account: Account, ticket_id: str, form: PageForm) -> str:
    fields = {"version": max(version_of(form), 1), "text": form.get("question").strip()}
    try:
        body = read_fields(QuestionBody, fields)
    except Problem as problem:
        # The page has another field of that name: what is answered.
        raise field_problem([
            FieldFault(f"/question-{item.field[1:]}", item.remedy, item.remedy_zh)
            for item in problem.faults
        ]) from None  # fmt: skip
    await parts.asking.ask(ticket_id, account.name, version_of(form), body.text)
    return "asked"


async def _choice(parts: WebParts, form: PageForm) -> dict[str, Any]:
    """Return what the form corrects, units by their codes; raise a `Problem` that names fields."""
    faults: list[FieldFault] = []
    unit = await _unit(parts, "unit", form, faults)
    supporting = [await _unit(parts, name, form, faults) for name in SUPPORTING]
    fields: dict[str, Any] = {
        name: form.get(name) or None for name in ("kind", "topic", "tier", "district")
    }
    if faults:
        raise field_problem(faults)
    if unit is None:
        raise field_problem([FieldFault("/unit", "name the unit that leads", "请填写牵头单位")])
    given = [code for code in dict.fromkeys(supporting) if code is not None and code != unit]
    fields |= {"unit": unit, "supporting_units": given, "complex": form.get("complex") == "1"}
    body = read_fields(Choice, {"version": max(version_of(form), 1), **fields})
    chosen = body.model_dump(exclude={"version"}, exclude_unset=True)
    return {name: value for name, value in chosen.items() if value is not None}


async def _unit(
    parts: WebParts, field: str, form: PageForm, faults: list[FieldFault]
) -> str | None:
    """Return the code of the unit that a field names; what names none or several is a fault."""
    words = form.get(field).strip()
    if not words:
        return None
    if words in _LOCAL:
        return DISTRICT
    fitting = await parts.units.meant(words)
    if len(fitting) == 1:
        return fitting[0].code
    names = "、".join(unit.name for unit in fitting[:_SHOWN_FITTING])
    faults.append(
        FieldFault(f"/{field}", f"several units fit, name one: {names}",
                   f"有多个单位符合，请选定一个：{names}")
        if fitting else
        FieldFault(f"/{field}", "no unit is found by this: type its name, pinyin, initials or duty",
                   "没有找到这个单位，可输入名称、拼音、首字母或职责"))  # fmt: skip
    return None


confirm_by_form: Final = by_form("confirm", _confirm)
undo_by_form: Final = by_form("undo", _undo)
correct_by_form: Final = by_form("correct", _correct)
claim_by_form: Final = by_form("claim", _claim)
let_go_by_form: Final = by_form("let-go", _let_go)
ask_by_form: Final = by_form("question", _ask)
hand_over_by_form: Final = by_form("hand-over", _hand_over)
