"""Routes for agents beside one another: claims, colleagues, and what becomes of a ticket."""

from typing import Final

from gateway.accounts.permissions import Permission
from gateway.web import agents, desk, kindred, merging
from gateway.web.route import BODY, SIGNED_IN, Route

_TICKET: Final = (*SIGNED_IN, "no-such-ticket", "ticket-closed", "claimed-by-another")

DESK: Final = (
    Route(
        "POST", "/api/v1/tickets/{ticket_id}/claim", desk.claim_ticket,
        "Take a ticket 领取工单", Permission.CONFIRM_TICKETS, answer=desk.ClaimAnswer,
        problems=_TICKET,
    ),
    Route(
        "DELETE", "/api/v1/tickets/{ticket_id}/claim", desk.let_ticket_go,
        "Let a ticket go 释放工单", Permission.CONFIRM_TICKETS, status=204,
        problems=(*SIGNED_IN, "no-such-ticket", "claimed-by-another"),
    ),
    Route(
        "POST", "/api/v1/tickets/{ticket_id}/hand-over", desk.hand_over_ticket,
        "Hand a ticket to a colleague 转交工单", Permission.HAND_OVER, body=desk.HandOverBody,
        answer=desk.ClaimAnswer, problems=(*_TICKET, *BODY, "no-such-colleague"),
    ),
    Route(
        "GET", "/api/v1/colleagues", desk.list_colleagues, "Who may confirm tickets 同事",
        Permission.HAND_OVER, answer=desk.Colleagues, problems=SIGNED_IN,
    ),
    Route(
        "GET", "/api/v1/tickets/{ticket_id}/similar", kindred.list_similar,
        "Open tickets like this one 相似工单", Permission.READ_TICKETS,
        answer=kindred.SimilarTickets, problems=(*SIGNED_IN, "no-such-ticket"),
    ),
    Route(
        "GET", "/api/v1/tickets/{ticket_id}/earlier", kindred.list_earlier,
        "The reporter's earlier tickets 历史工单", Permission.READ_TICKETS,
        answer=kindred.EarlierTickets, problems=(*SIGNED_IN, "no-such-ticket"),
    ),
    Route(
        "POST", "/api/v1/tickets/{ticket_id}/question", desk.ask_citizen,
        "Ask the citizen 询问诉求人", Permission.CONFIRM_TICKETS, body=desk.QuestionBody,
        answer=agents.TicketWithHistory,
        problems=(*_TICKET, *BODY, "version-conflict", "not-yet-triaged"),
    ),
    Route(
        "POST", "/api/v1/tickets/{ticket_id}/merge", merging.merge_ticket,
        "Let a ticket follow another 并案", Permission.SPLIT_MERGE, body=merging.MergeBody,
        answer=agents.TicketWithHistory,
        problems=(*_TICKET, *BODY, "version-conflict", "not-yet-triaged", "with-unit",
                  "cannot-be-merged"),
    ),
    Route(
        "POST", "/api/v1/tickets/{ticket_id}/split", merging.split_ticket,
        "Split a ticket 拆单", Permission.SPLIT_MERGE, body=merging.SplitBody,
        answer=agents.TicketWithHistory,
        problems=(*_TICKET, *BODY, "version-conflict", "not-yet-triaged", "with-unit"),
    ),
    Route(
        "DELETE", "/api/v1/tickets/{ticket_id}/merge", merging.take_merge_back,
        "Make it a ticket of its own again 撤销并案", Permission.SPLIT_MERGE,
        answer=agents.TicketWithHistory,
        problems=(*SIGNED_IN, "no-such-ticket", "claimed-by-another", "nothing-to-undo"),
    ),
)  # fmt: skip
