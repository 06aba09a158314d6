"""The one table of routes: what is served, to whom, and what it takes and gives.

The pages' part of it, which is for people and not described as an interface, is `pages/table.py`.
"""

from collections.abc import Iterator
from typing import Any, Final

from channels.appeal import AppealBody
from channels.open311.documents import MEDIA_TYPES
from gateway.accounts.permissions import Permission
from gateway.web import (
    agents,
    appeals,
    auditing,
    callbacks,
    chat_socket,
    chats,
    deciding,
    entries,
    georeport,
    georeport_status,
    knowledge,
    openapi,
    operations,
    own,
    people,
    session,
    uploads,
    verifications,
    webhooks,
)
from gateway.web.pages.table import PAGES
from gateway.web.route import Route
from triage.decision import Decision

__all__ = ["OPERATIONS", "PAGES", "PUBLIC", "Route"]


_BODY: Final = ("malformed-http", "malformed-body", "invalid-fields", "too-slow", "too-large")
_SIGNED: Final = (
    "malformed-http", "malformed-body", "too-slow", "too-large", "not-found", "bad-signature",
    "unavailable",
)  # fmt: skip
_SIGNED_IN: Final = ("not-signed-in", "not-allowed", "csrf")
_EDIT: Final = ("no-such-entry", "entry-changed", "version-needed")
_KEY: Final[dict[str, Any]] = {
    "name": "Idempotency-Key",
    "in": "header",
    "required": False,
    "schema": {"type": "string", "minLength": 16, "maxLength": 200, "pattern": "^[ -~]+$"},
}
_TUS: Final = uploads.TUS_PARAMETERS
_UPLOAD: Final = ("malformed-body", "unknown-tus-version")

_GEOREPORT_FORM: Final = {
    "api_key": "the app's key",
    "service_code": "a service of the list",
    "jurisdiction_id": "this city's",
    "lat": "degrees of WGS 84",
    "long": "degrees of WGS 84",
    "address_string": "where it is, in words",
    "address_id": "where it is, as the city numbers places",
    "description": "what happened",
    "first_name": "of who reports",
    "last_name": "of who reports",
    "phone": "of who reports",
    "email": "of who reports",
    "account_id": "given back as it came",
    "media_url": "a picture, sound or video to fetch",
    "attribute[since]": "since when",
    "attribute[ongoing]": "yes or no",
}


def _georeport() -> Iterator[Route]:
    """Open311's routes, each in both formats."""
    for wanted, media_type in MEDIA_TYPES.items():
        as_wanted = georeport.answering(wanted)
        reading: dict[str, Any] = {
            "access": "public", "media_type": media_type, "refusals": (400, 404),
        }  # fmt: skip
        version = "/open311/v2"
        yield Route(
            "GET", f"/open311/discovery.{wanted}", as_wanted(georeport.discovery),
            "Open311: where this interface is", **reading,
        )  # fmt: skip
        yield Route(
            "GET", f"{version}/services.{wanted}", as_wanted(georeport.list_services),
            "Open311: what can be reported 事项列表", **reading,
        )  # fmt: skip
        yield Route(
            "GET", f"{version}/services/{{service_code}}.{wanted}",
            as_wanted(georeport.define_service), "Open311: what may be said besides", **reading,
        )  # fmt: skip
        yield Route(
            "POST", f"{version}/requests.{wanted}", as_wanted(georeport.file_request),
            "Open311: file a request 提交诉求", "api key", media_type=media_type,
            form=_GEOREPORT_FORM, refusals=(400, 403, 404, 408, 409, 413, 503), parameters=(_KEY,),
        )  # fmt: skip
        yield Route(
            "GET", f"{version}/requests.{wanted}", as_wanted(georeport_status.list_requests),
            "Open311: where requests stand", **reading, query=georeport_status.RequestsQuery,
        )  # fmt: skip
        yield Route(
            "GET", f"{version}/requests/{{service_request_id}}.{wanted}",
            as_wanted(georeport_status.show_request), "Open311: where one request stands",
            **reading,
        )  # fmt: skip
        yield Route(
            "GET", f"{version}/tokens/{{token}}.{wanted}", as_wanted(georeport_status.show_token),
            "Open311: the request of a token", **reading,
        )  # fmt: skip


OPERATIONS: Final = (
    Route("GET", "/healthz", operations.healthz, "Whether the process lives", "public"),
    Route(
        "GET", "/readyz", operations.readyz, "Whether every part answers", "public",
        answer=operations.Readiness, problems=("unavailable",),
    ),
    Route(
        "GET", "/metrics", operations.metrics, "Metrics for Prometheus", "public",
        media_type="text/plain",
    ),
)  # fmt: skip

PUBLIC: Final = (
    Route(
        "POST", "/api/v1/appeals", appeals.file_appeal, "File an appeal 提交诉求", "public",
        status=201, body=AppealBody, takes_files=True, answer=appeals.Receipt, parameters=(_KEY,),
        problems=(*_BODY, "invalid-key", "key-reused", "unsupported-media-type", "unavailable",
                  "too-many-requests"),
    ),
    Route(
        "GET", "/api/v1/appeals/{ticket_id}", appeals.show_appeal,
        "Where an appeal stands 查询进度", "query code", answer=appeals.AppealStatus,
        problems=("not-signed-in", "wrong-code", "no-such-ticket", "too-many-attempts"),
    ),
    Route(
        "POST", "/api/v1/appeals/{ticket_id}", appeals.add_to_appeal,
        "Add to an appeal 补充诉求", "query code", status=201, body=AppealBody, takes_files=True,
        answer=appeals.Receipt, parameters=(_KEY,),
        problems=(*_BODY, "not-signed-in", "wrong-code", "no-such-ticket", "too-many-attempts",
                  "invalid-key", "key-reused", "unsupported-media-type", "ticket-closed",
                  "unavailable"),
    ),
    Route(
        "POST", "/api/v1/appeals/{ticket_id}/withdrawal", own.withdraw_appeal,
        "Withdraw an appeal 撤回诉求", "query code", answer=appeals.AppealStatus,
        problems=("not-signed-in", "wrong-code", "no-such-ticket", "too-many-attempts",
                  "ticket-closed", "cannot-be-withdrawn"),
    ),
    Route(
        "PUT", "/api/v1/appeals/{ticket_id}/rating", own.rate_appeal, "Rate an appeal 评价",
        "query code", body=own.RatingBody, answer=own.RatingBody,
        problems=(*_BODY, "not-signed-in", "wrong-code", "no-such-ticket", "too-many-attempts",
                  "not-yet-closed"),
    ),
    Route(
        "POST", "/api/v1/uploads", uploads.begin_upload, "Begin an upload 上传文件", "public",
        status=201, answer=uploads.BegunUpload, parameters=_TUS["begin"],
        problems=(*_UPLOAD, "too-large", "too-many-requests", "unavailable"),
    ),
    Route(
        "HEAD", "/api/v1/uploads/{token}", uploads.show_upload, "How far an upload has come",
        "upload token", parameters=_TUS["show"], problems=("no-such-upload", *_UPLOAD[1:]),
    ),
    Route(
        "PATCH", "/api/v1/uploads/{token}", uploads.append_to_upload, "Go on with an upload",
        "upload token", status=204, parameters=_TUS["append"],
        problems=(*_UPLOAD, "no-such-upload", "upload-offset", "too-large", "too-slow",
                  "unsupported-media-type", "unavailable"),
    ),
    Route(
        "POST", "/api/v1/chats", chats.open_chat, "Open a chat 在线咨询", "public", status=201,
        answer=chats.Chat,
    ),
    Route(
        "POST", "/api/v1/chats/lines", chats.say, "Say something in a chat", "chat token",
        status=201, body=AppealBody, takes_files=True, answer=chats.LineReceipt,
        parameters=(_KEY,),
        problems=(*_BODY, "not-signed-in", "invalid-key", "key-reused", "unsupported-media-type",
                  "unavailable", "too-many-requests"),
    ),
    Route(
        "GET", "/api/v1/chats/lines", chats.show_transcript, "What was said in a chat",
        "chat token", query=chats.TranscriptQuery, answer=chats.ChatTranscript,
        problems=("not-signed-in", "invalid-fields"),
    ),
    Route(
        "GET", "/api/v1/chats/socket", chat_socket.open_socket, "A chat's WebSocket", "public",
        status=101, problems=("malformed-http", "unavailable"),
    ),
    Route(
        "POST", "/api/v1/triage", deciding.decide, "Decide on a text, store nothing", "public",
        body=deciding.TriageBody, answer=Decision,
        problems=(*_BODY, "unsupported-media-type", "unavailable"),
    ),
    Route(
        "POST", "/channels/{channel}", webhooks.receive_webhook, "A signed channel's message",
        "signature", problems=_SIGNED,
    ),
    Route(
        "POST", "/channels/{channel}/recordings", webhooks.receive_recording,
        "The recording of a telephone call 通话录音", "signature", problems=_SIGNED,
    ),
    Route(
        "GET", "/channels/{channel}", webhooks.prove_to_vendor, "A vendor makes sure of us",
        "signature", problems=_SIGNED,
    ),
    Route(
        "POST", "/api/v1/session", session.open_session, "Sign in 登录", "public",
        body=session.Credentials, answer=session.SignedIn,
        problems=(*_BODY, "unsupported-media-type", "sign-in-refused", "csrf",
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
        "GET", "/api/v1/tickets", agents.list_tickets, "Tickets by due time 工单列表",
        Permission.READ_OWN_TICKETS, answer=agents.TicketList, query=agents.ListQuery,
        problems=(*_SIGNED_IN, "invalid-fields"),
    ),
    Route(
        "GET", "/api/v1/tickets/{ticket_id}", agents.show_ticket, "One ticket 工单详情",
        Permission.READ_OWN_TICKETS, answer=agents.TicketWithHistory,
        problems=(*_SIGNED_IN, "no-such-ticket"),
    ),
    Route(
        "GET", "/api/v1/clusters/{ticket_id}", agents.show_cluster,
        "Tickets of different people on one matter 同一事项工单", Permission.READ_TICKETS,
        answer=agents.Cluster, problems=(*_SIGNED_IN, "no-such-ticket"),
    ),
    Route(
        "POST", "/api/v1/tickets/{ticket_id}/confirmation", agents.confirm_ticket,
        "Confirm or correct the route 确认派单", Permission.CONFIRM_TICKETS,
        body=agents.Choice, answer=agents.TicketWithHistory,
        problems=(*_SIGNED_IN, *_BODY, "no-such-ticket", "version-conflict", "not-yet-triaged",
                  "ticket-closed", "unit-missing", "unknown-unit"),
    ),
    Route(
        "DELETE", "/api/v1/tickets/{ticket_id}/confirmation", agents.undo_confirmation,
        "Undo a confirmation 撤销确认", Permission.CONFIRM_TICKETS,
        answer=agents.TicketWithHistory,
        problems=(*_SIGNED_IN, "no-such-ticket", "nothing-to-undo", "too-late-to-undo"),
    ),
    Route(
        "POST", "/api/v1/tickets/{ticket_id}/reporter", people.show_reporter,
        "Who the reporter is 查看诉求人信息", Permission.REVEAL_PEOPLE,
        body=people.Reason, answer=people.ShownReporters,
        problems=(*_SIGNED_IN, *_BODY, "no-such-ticket", "reporter-hidden", "no-longer-kept",
                  "unavailable"),
    ),
    Route(
        "POST", "/api/v1/tickets/{ticket_id}/words", people.show_words,
        "The words as they were told 查看原文", Permission.REVEAL_PEOPLE,
        body=people.Reason, answer=people.Original,
        problems=(*_SIGNED_IN, *_BODY, "no-such-ticket", "reporter-hidden", "no-longer-kept",
                  "unavailable"),
    ),
    Route(
        "GET", "/api/v1/audit", auditing.list_audit, "The audit log 审计日志",
        Permission.READ_AUDIT, answer=auditing.AuditEntries, query=auditing.AuditQuery,
        problems=(*_SIGNED_IN, "invalid-fields", "unavailable"),
    ),
    Route(
        "POST", "/api/v1/tickets/{ticket_id}/answer", agents.answer_ticket,
        "Answer on the spot 直接答复", Permission.CONFIRM_TICKETS, body=agents.AnswerBody,
        answer=agents.TicketWithHistory,
        problems=(*_SIGNED_IN, *_BODY, "no-such-ticket", "version-conflict", "not-yet-triaged",
                  "ticket-closed", "with-unit", "unknown-entry"),
    ),
    Route(
        "POST", "/api/v1/knowledge/search", knowledge.search, "Find answers 查找答案", "public",
        body=knowledge.SearchBody, answer=knowledge.SearchResult, problems=(*_BODY, "unavailable"),
    ),
    Route(
        "GET", "/api/v1/knowledge/{entry}", knowledge.show_entry, "One entry 知识条目", "public",
        answer=knowledge.EntryDocument, problems=("no-such-entry",),
    ),
    Route(
        "GET", "/api/v1/knowledge", entries.list_entries, "Entries to edit 知识库",
        Permission.EDIT_KNOWLEDGE, answer=entries.EntryList, query=entries.EntriesQuery,
        problems=(*_SIGNED_IN, "invalid-fields"),
    ),
    Route(
        "POST", "/api/v1/knowledge", entries.add_entry, "Add an entry 新增条目",
        Permission.EDIT_KNOWLEDGE, status=201, body=entries.EntryBody,
        answer=entries.EditedEntry, problems=(*_SIGNED_IN, *_BODY, "unknown-unit"),
    ),
    Route(
        "PUT", "/api/v1/knowledge/{entry}", entries.change_entry, "Edit an entry 修改条目",
        Permission.EDIT_KNOWLEDGE, body=entries.EntryBody, answer=entries.EditedEntry,
        parameters=(entries.IF_MATCH,), problems=(*_SIGNED_IN, *_BODY, *_EDIT, "unknown-unit"),
    ),
    Route(
        "DELETE", "/api/v1/knowledge/{entry}", entries.retire_entry, "Retire an entry 停用条目",
        Permission.EDIT_KNOWLEDGE, answer=entries.EditedEntry, parameters=(entries.IF_MATCH,),
        problems=(*_SIGNED_IN, *_EDIT),
    ),
    Route(
        "GET", "/api/v1/knowledge/{entry}/history", entries.show_entry_history,
        "Every version of an entry 条目历史", Permission.EDIT_KNOWLEDGE,
        answer=entries.EntryHistory, problems=(*_SIGNED_IN, "no-such-entry"),
    ),
    Route(
        "GET", "/api/v1/callbacks", callbacks.list_callbacks, "Whom to call back 待回拨",
        Permission.READ_TICKETS, answer=callbacks.CallBackList, problems=_SIGNED_IN,
    ),
    Route(
        "POST", "/api/v1/callbacks/{callback}", callbacks.close_callback,
        "What came of a call 回拨结果", Permission.CONFIRM_TICKETS, status=204,
        body=callbacks.CallBackAnswer,
        problems=(*_SIGNED_IN, *_BODY, "not-found", "key-reused", "unavailable"),
    ),
    Route(
        "POST", "/api/v1/verifications", verifications.ask_for_code,
        "Have a code sent to the telephone that called 获取验证码", "public", status=202,
        body=verifications.PhoneClaim, answer=verifications.Verification,
        problems=(*_BODY, "not-found", "too-many-requests", "unavailable"),
    ),
    Route(
        "POST", "/api/v1/verifications/code", verifications.give_code,
        "Number and query code of the last call 号码核验", "public",
        body=verifications.OneTimeCode, answer=appeals.Receipt,
        problems=(*_BODY, "not-found", "wrong-code", "unavailable"),
    ),
    *_georeport(),
    Route("GET", "/openapi.json", openapi.show_openapi, "This interface", "public"),
    Route(
        "GET", "/schemas/{name}", operations.show_schema, "JSON schemas", "public",
        problems=("not-found",),
    ),
    Route(
        "GET", "/problems/{name}", operations.show_problem, "What a problem means", "public",
        problems=("not-found",),
    ),
)  # fmt: skip
