"""Routes for citizens, their apps and vendors."""

from typing import Final

from channels.appeal import AppealBody
from gateway.web import (
    appeals,
    chat_socket,
    chats,
    deciding,
    knowledge,
    own,
    uploads,
    verifications,
    webhooks,
)
from gateway.web.route import BODY, KEY, Route
from triage.decision import Decision

_SIGNED: Final = (
    "malformed-http", "malformed-body", "too-slow", "too-large", "not-found", "bad-signature",
    "unavailable",
)  # fmt: skip
_TUS: Final = uploads.TUS_PARAMETERS
_UPLOAD: Final = ("malformed-body", "unknown-tus-version")

CITIZENS: Final = (
    Route(
        "POST", "/api/v1/appeals", appeals.file_appeal, "File an appeal 提交诉求", "public",
        status=201, body=AppealBody, takes_files=True, answer=appeals.Receipt, parameters=(KEY,),
        problems=(*BODY, "invalid-key", "key-reused", "unsupported-media-type", "unavailable",
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
        answer=appeals.Receipt, parameters=(KEY,),
        problems=(*BODY, "not-signed-in", "wrong-code", "no-such-ticket", "too-many-attempts",
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
        problems=(*BODY, "not-signed-in", "wrong-code", "no-such-ticket", "too-many-attempts",
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
        parameters=(KEY,),
        problems=(*BODY, "not-signed-in", "invalid-key", "key-reused", "unsupported-media-type",
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
        problems=(*BODY, "unsupported-media-type", "unavailable"),
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
        "POST", "/api/v1/knowledge/search", knowledge.search, "Find answers 查找答案", "public",
        body=knowledge.SearchBody, answer=knowledge.SearchResult, problems=(*BODY, "unavailable"),
    ),
    Route(
        "GET", "/api/v1/knowledge/{entry}", knowledge.show_entry, "One entry 知识条目", "public",
        answer=knowledge.EntryDocument, problems=("no-such-entry",),
    ),
    Route(
        "POST", "/api/v1/verifications", verifications.ask_for_code,
        "Have a code sent to the telephone that called 获取验证码", "public", status=202,
        body=verifications.PhoneClaim, answer=verifications.Verification,
        problems=(*BODY, "not-found", "too-many-requests", "unavailable"),
    ),
    Route(
        "POST", "/api/v1/verifications/code", verifications.give_code,
        "Number and query code of the last call 号码核验", "public",
        body=verifications.OneTimeCode, answer=appeals.Receipt,
        problems=(*BODY, "not-found", "wrong-code", "unavailable"),
    ),
)  # fmt: skip
