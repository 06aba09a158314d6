"""Routes for who signs in: agents, supervisors, editors, auditors."""

from typing import Final

from gateway.accounts.permissions import Permission
from gateway.web import (
    agents,
    auditing,
    callbacks,
    entries,
    files,
    listing,
    live_stream,
    people,
    session,
    units,
)
from gateway.web.route import BODY, SIGNED_IN, Route

_EDIT: Final = ("no-such-entry", "entry-changed", "version-needed")

AGENTS: Final = (
    Route(
        "POST", "/api/v1/session", session.open_session, "Sign in 登录", "public",
        body=session.Credentials, answer=session.SignedIn,
        problems=(*BODY, "unsupported-media-type", "sign-in-refused", "csrf",
                  "too-many-attempts", "unavailable"),
    ),
    Route(
        "GET", "/api/v1/session", session.show_session, "Who one is 当前用户", "signed in",
        answer=session.SignedIn, problems=("not-signed-in",),
    ),
    Route(
        "DELETE", "/api/v1/session", session.close_session, "Sign out 退出登录", "signed in",
        status=204, problems=("not-signed-in", "csrf"),
    ),
    Route(
        "GET", "/api/v1/tickets", listing.list_tickets, "Tickets by due time 工单列表",
        Permission.READ_OWN_TICKETS, answer=listing.TicketList, query=listing.ListQuery,
        problems=(*SIGNED_IN, "invalid-fields"),
    ),
    Route(
        "GET", "/api/v1/live", live_stream.stream_changes, "Changes as they happen 实时变更",
        Permission.READ_TICKETS, query=live_stream.LiveQuery, media_type=live_stream.MEDIA_TYPE,
        problems=(*SIGNED_IN, "invalid-fields", "unavailable"),
    ),
    Route(
        "GET", "/api/v1/tickets/{ticket_id}", agents.show_ticket, "One ticket 工单详情",
        Permission.READ_OWN_TICKETS, answer=agents.TicketWithHistory,
        problems=(*SIGNED_IN, "no-such-ticket"),
    ),
    Route(
        "GET", "/api/v1/units", units.list_units, "Find a unit as one types 查找承办单位",
        "signed in", answer=units.UnitList, query=units.UnitsQuery,
        problems=("not-signed-in", "invalid-fields"),
    ),
    Route(
        "GET", "/api/v1/clusters/{ticket_id}", agents.show_cluster,
        "Tickets of different people on one matter 同一事项工单", Permission.READ_TICKETS,
        answer=agents.Cluster, problems=(*SIGNED_IN, "no-such-ticket"),
    ),
    Route(
        "POST", "/api/v1/tickets/{ticket_id}/confirmation", agents.confirm_ticket,
        "Confirm or correct the route 确认派单", Permission.CONFIRM_TICKETS,
        body=agents.Choice, answer=agents.TicketWithHistory,
        problems=(*SIGNED_IN, *BODY, "no-such-ticket", "version-conflict", "not-yet-triaged",
                  "ticket-closed", "unit-missing", "unknown-unit", "claimed-by-another"),
    ),
    Route(
        "DELETE", "/api/v1/tickets/{ticket_id}/confirmation", agents.undo_confirmation,
        "Undo a confirmation 撤销确认", Permission.CONFIRM_TICKETS,
        answer=agents.TicketWithHistory,
        problems=(*SIGNED_IN, "no-such-ticket", "nothing-to-undo", "too-late-to-undo",
                  "claimed-by-another"),
    ),
    Route(
        "GET", "/api/v1/tickets/{ticket_id}/attachments/{address}", files.show_file,
        "A file of the ticket 工单附件", Permission.CONFIRM_TICKETS,
        media_type="application/octet-stream",
        problems=(*SIGNED_IN, "no-such-ticket", "not-found", "no-such-range", "unavailable"),
    ),
    Route(
        "POST", "/api/v1/tickets/{ticket_id}/reporter", people.show_reporter,
        "Who the reporter is 查看诉求人信息", Permission.REVEAL_PEOPLE,
        body=people.Reason, answer=people.ShownReporters,
        problems=(*SIGNED_IN, *BODY, "no-such-ticket", "reporter-hidden", "no-longer-kept",
                  "unavailable"),
    ),
    Route(
        "POST", "/api/v1/tickets/{ticket_id}/words", people.show_words,
        "The words as they were told 查看原文", Permission.REVEAL_PEOPLE,
        body=people.Reason, answer=people.Original,
        problems=(*SIGNED_IN, *BODY, "no-such-ticket", "reporter-hidden", "no-longer-kept",
                  "unavailable"),
    ),
    Route(
        "GET", "/api/v1/audit", auditing.list_audit, "The audit log 审计日志",
        Permission.READ_AUDIT, answer=auditing.AuditEntries, query=auditing.AuditQuery,
        problems=(*SIGNED_IN, "invalid-fields", "unavailable"),
    ),
    Route(
        "POST", "/api/v1/tickets/{ticket_id}/answer", agents.answer_ticket,
        "Answer on the spot 直接答复", Permission.CONFIRM_TICKETS, body=agents.AnswerBody,
        answer=agents.TicketWithHistory,
        problems=(*SIGNED_IN, *BODY, "no-such-ticket", "version-conflict", "not-yet-triaged",
                  "ticket-closed", "with-unit", "unknown-entry", "claimed-by-another"),
    ),
    Route(
        "GET", "/api/v1/knowledge", entries.list_entries, "Entries to edit 知识库",
        Permission.EDIT_KNOWLEDGE, answer=entries.EntryList, query=entries.EntriesQuery,
        problems=(*SIGNED_IN, "invalid-fields"),
    ),
    Route(
        "POST", "/api/v1/knowledge", entries.add_entry, "Add an entry 新增条目",
        Permission.EDIT_KNOWLEDGE, status=201, body=entries.EntryBody,
        answer=entries.EditedEntry, problems=(*SIGNED_IN, *BODY, "unknown-unit"),
    ),
    Route(
        "PUT", "/api/v1/knowledge/{entry}", entries.change_entry, "Edit an entry 修改条目",
        Permission.EDIT_KNOWLEDGE, body=entries.EntryBody, answer=entries.EditedEntry,
        parameters=(entries.IF_MATCH,), problems=(*SIGNED_IN, *BODY, *_EDIT, "unknown-unit"),
    ),
    Route(
        "DELETE", "/api/v1/knowledge/{entry}", entries.retire_entry, "Retire an entry 停用条目",
        Permission.EDIT_KNOWLEDGE, answer=entries.EditedEntry, parameters=(entries.IF_MATCH,),
        problems=(*SIGNED_IN, *_EDIT),
    ),
    Route(
        "GET", "/api/v1/knowledge/{entry}/history", entries.show_entry_history,
        "Every version of an entry 条目历史", Permission.EDIT_KNOWLEDGE,
        answer=entries.EntryHistory, problems=(*SIGNED_IN, "no-such-entry"),
    ),
    Route(
        "GET", "/api/v1/callbacks", callbacks.list_callbacks, "Whom to call back 待回拨",
        Permission.READ_TICKETS, answer=callbacks.CallBackList, problems=SIGNED_IN,
    ),
    Route(
        "POST", "/api/v1/callbacks/{callback}", callbacks.close_callback,
        "What came of a call 回拨结果", Permission.CONFIRM_TICKETS, status=204,
        body=callbacks.CallBackAnswer,
        problems=(*SIGNED_IN, *BODY, "not-found", "key-reused", "unavailable"),
    ),
)  # fmt: skip
