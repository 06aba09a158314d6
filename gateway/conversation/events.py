"""What is worth telling a citizen, in their words."""

from collections.abc import Callable
from enum import StrEnum
from typing import Final

from channels.phrases import as_printed
from gateway.tickets.numbers import BEIJING, show_ticket_id
from gateway.tickets.ticket import Ticket
from triage.decision import Kind, Tier


class Event(StrEnum):
    """What a reply tells of, or asks for."""

    RECEIVED = "received"
    UNDERSTOOD = "understood"
    ASK_WHAT = "ask_what"
    ASK_WHERE = "ask_where"
    ASK_SINCE = "ask_since"
    ASK_CONTACT = "ask_contact"
    ENOUGH = "enough"
    ASK_CODE = "ask_code"
    CODE_REFUSED = "code_refused"
    JOINED = "joined"
    DISPATCHED = "dispatched"
    ANSWERED = "answered"
    MERGED = "merged"
    ASKED = "asked"
    SPLIT = "split"


QUESTIONS: Final[dict[Event, str]] = {
    Event.ASK_WHAT: "请再具体说说是什么事,希望怎么解决?",
    Event.ASK_WHERE: "请问具体在什么地方?可说小区、街道或路口,也可以发送位置。",
    Event.ASK_SINCE: "请问从什么时候开始的,现在还在继续吗?",
    Event.ASK_CONTACT: "请问怎么联系您?可留下电话;不便提供请回复“不用了”。",
}
"""In the order in which they are asked, one at a time."""

_SAID: Final[dict[Event, str]] = {
    **QUESTIONS,
    Event.ENOUGH: "好的,已按现有内容受理(工单号 {number})。有补充随时发送。",
    Event.MERGED: (
        "您的诉求(工单号 {number})与另一件已受理的工单属同一事项,已并案办理。"
        "可凭原工单号和查询码继续查询进度。"
    ),
    Event.SPLIT: (
        "您反映的事项涉及多个方面,其中一项已单独立为工单 {number}(查询码 {query_code}),分别办理。"
    ),
    Event.DISPATCHED: "您的诉求(工单号 {number})已派至{unit}办理。",
    Event.ASK_CODE: (
        "如该号码近期来电反映过诉求,验证码已发到该号码,十分钟内有效。"
        "请在此回复六位验证码,本次会话的内容将并入来电的工单。"
    ),
    Event.CODE_REFUSED: (
        "验证码不符或已过期。可再次发送“关联电话”和来电号码;您说的内容都已留在当前工单。"
    ),
    Event.JOINED: (
        "号码已核实。本会话从现在起补充到您来电反映的工单 {number},查询码 {query_code}。"
    ),
}
"""What is always said in these words."""

UnitName = Callable[[str], str]
"""The Chinese name of a unit's code; the code itself where the catalogue has it no more."""

_KINDS: Final = {
    Kind.INQUIRY: "咨询", Kind.ASSISTANCE: "求助", Kind.COMPLAINT: "投诉", Kind.REPORT: "举报",
    Kind.SUGGESTION: "建议", Kind.PRAISE: "表扬",
}  # fmt: skip
_CALL: Final = {
    "police": "110", "fire-rescue": "119", "gas": "119", "emergency-management": "119",
    "health": "120", "traffic-police": "122",
}  # fmt: skip
_CALL_ANY: Final = "110、119 或 120"


def told(
    event: Event,
    ticket: Ticket,
    query_code: str,
    unit_name: UnitName,
    *,
    alone: bool = True,
    by_agent: str = "",
) -> str:
    """Return the text for the citizen; it may hold the query code, and goes to them alone.

    `by_agent` is what an agent answered or asked, where that is what is told.

    A receipt that is not `alone` is followed by what the appeal was understood as; one that is
    tells that too, if triage has spoken by then.
    """
    number = show_ticket_id(ticket.id)
    if event in _SAID:
        unit = unit_name(ticket.unit or "") or "承办单位"
        return as_printed(_SAID[event]).format(number=number, query_code=query_code, unit=unit)
    if event is Event.ANSWERED:
        again = as_printed("如仍需办理,请写明此工单号再次提交。")
        return as_printed(f"关于您的诉求(工单号 {number}),答复如下:") + f"\n{by_agent}\n{again}"
    if event is Event.ASKED:
        return (
            as_printed(f"关于您的诉求(工单号 {number}),请问:")
            + f"\n{by_agent}\n"
            + as_printed("请直接在此回复。")
        )
    return as_printed(_understanding(event, ticket, query_code, unit_name, alone=alone))


def _understanding(
    event: Event, ticket: Ticket, query_code: str, unit_name: UnitName, *, alone: bool
) -> str:
    """The receipt, or what the appeal was understood as."""
    understood = _understood(ticket, unit_name)
    if event is Event.UNDERSTOOD:
        return _danger(ticket) + understood
    receipt = f"您的诉求已受理,工单号 {show_ticket_id(ticket.id)},查询码 {query_code}。"
    if ticket.tier:
        return _danger(ticket) + receipt + (understood if alone else "")
    return f"{receipt}如有人身危险,请立即拨打 {_CALL_ANY}。"


def _danger(ticket: Ticket) -> str:
    """The line that comes before anything else where somebody may be in danger."""
    if ticket.tier is not Tier.EMERGENCY:
        return ""
    return f"请先确保安全,立即拨打 {_CALL.get(ticket.unit or '', _CALL_ANY)}。"


def _understood(ticket: Ticket, unit_name: UnitName) -> str:
    if ticket.tier is None:
        return ""
    kind = _KINDS[Kind(ticket.kind)] if ticket.kind else "诉求"
    whose = f",由{unit_name(ticket.unit)}办理" if ticket.unit else ""
    due = ""
    if ticket.dispatch_due_at is not None:
        local = ticket.dispatch_due_at.astimezone(BEIJING)
        due = f",最迟 {local.month}月{local.day}日 {local:%H:%M} 前派单"
    return f"已理解为“{ticket.topic or ''}”{kind}{whose}{due}。"
