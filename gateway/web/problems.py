"""RFC 9457 problem documents, in Chinese and English; none repeats what a citizen wrote."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

import orjson
from aiohttp import web

from channels.errors import FieldFault
from channels.phrases import as_printed

MEDIA_TYPE: Final = "application/problem+json"


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of problem; its name is the last part of its type URI, `/problems/<name>`."""

    status: int
    title: str
    title_zh: str


KINDS: Final[dict[str, Kind]] = {
    "malformed-http": Kind(400, "This is not well-formed HTTP", "HTTP 请求格式不正确"),
    "malformed-body": Kind(400, "The body cannot be read", "请求内容无法读取"),
    "invalid-fields": Kind(422, "Some fields are not right", "部分字段不正确"),
    "invalid-key": Kind(400, "The Idempotency-Key is not usable", "Idempotency-Key 不可用"),
    "key-reused": Kind(
        409, "This key was used with another body", "该 Idempotency-Key 已用于其他内容"
    ),
    "not-signed-in": Kind(401, "Sign in first", "请先登录"),
    "wrong-code": Kind(401, "Number and code do not fit", "工单号与查询码不符"),
    "sign-in-refused": Kind(
        401, "Name, password and code do not go together", "用户名、密码或验证码不正确"
    ),
    "bad-signature": Kind(401, "The signature is not valid", "签名无效"),
    "not-allowed": Kind(403, "Your role may not do this", "您的角色无权进行此操作"),
    "csrf": Kind(403, "This does not come from a page of ours", "请求并非来自本站页面"),
    "reporter-hidden": Kind(403, "Who reported is kept from units", "举报人信息对承办单位保密"),
    "not-found": Kind(404, "There is nothing here", "此处没有内容"),
    "no-such-ticket": Kind(404, "There is no such ticket", "没有这个工单"),
    "no-such-entry": Kind(404, "There is no such entry", "没有这个知识条目"),
    "no-such-upload": Kind(404, "There is no such upload", "没有这个上传"),
    "method-not-allowed": Kind(405, "This method is not known here", "此处不支持该方法"),
    "too-slow": Kind(408, "The body came too slowly", "请求内容传输过慢"),
    "claimed-by-another": Kind(409, "Somebody else is at work on it", "其他坐席正在处理该工单"),
    "version-conflict": Kind(409, "The ticket has changed meanwhile", "工单已有变更"),
    "not-yet-triaged": Kind(409, "The ticket is being read", "工单正在分析中"),
    "surge-running": Kind(409, "A surge is running already", "激增模式已启用"),
    "no-surge": Kind(409, "There is no surge to close", "未启用激增模式"),
    "upload-offset": Kind(409, "The upload goes on elsewhere", "上传位置不符"),
    "cannot-be-withdrawn": Kind(409, "This cannot be withdrawn just now", "目前不能撤回"),
    "cannot-be-merged": Kind(409, "These two cannot be merged", "这两件工单不能并案"),
    "not-yet-closed": Kind(409, "This cannot be rated yet", "尚不能评价"),
    "ticket-closed": Kind(409, "The ticket is closed", "工单已办结"),
    "with-unit": Kind(409, "A unit is at work on the ticket", "承办单位正在办理"),
    "nothing-to-undo": Kind(409, "There is nothing to undo", "没有可撤销的确认"),
    "too-late-to-undo": Kind(409, "It is too late to undo", "已超过可撤销时间"),
    "entry-changed": Kind(412, "The entry has changed meanwhile", "知识条目已有变更"),
    "unit-missing": Kind(422, "A unit is missing", "缺少承办单位"),
    "no-such-colleague": Kind(422, "There is no such colleague", "没有这位同事"),
    "unknown-unit": Kind(422, "There is no such unit", "没有这个承办单位"),
    "no-longer-kept": Kind(410, "This is no longer kept", "已超过保存期限"),
    "unknown-entry": Kind(422, "There is no such entry to answer by", "没有所依据的知识条目"),
    "unknown-tus-version": Kind(412, "This version of tus is not known", "不支持该 tus 版本"),
    "stale-form": Kind(403, "The page was too old", "页面已过期"),
    "too-large": Kind(413, "This is too large", "内容过大"),
    "unsupported-media-type": Kind(415, "This media type is not taken here", "不支持的内容类型"),
    "no-such-range": Kind(416, "The file has no such part", "文件没有这一部分"),
    "version-needed": Kind(428, "Say which version you have read", "请注明所查看的版本"),
    "too-many-attempts": Kind(429, "Too many wrong attempts", "错误次数过多"),
    "too-many-requests": Kind(429, "Too much at once", "提交过于频繁"),
    "internal": Kind(500, "Something went wrong on our side", "系统出现错误"),
    "unavailable": Kind(503, "Not available just now", "服务暂时不可用"),
}


class Problem(Exception):
    """An answer that is a problem document."""

    def __init__(
        self,
        kind: str,
        remedy: str,
        remedy_zh: str,
        *,
        faults: Sequence[FieldFault] = (),
        headers: dict[str, str] | None = None,
    ) -> None:
        super().__init__(kind)
        self.kind = kind
        self.remedy = remedy
        self.remedy_zh = as_printed(remedy_zh)
        self.faults = tuple(
            replace(fault, remedy_zh=as_printed(fault.remedy_zh)) for fault in faults
        )
        self.headers = headers or {}

    @property
    def status(self) -> int:
        """The HTTP status."""
        return KINDS[self.kind].status

    def document(self, request_id: str) -> dict[str, Any]:
        """Return the document's fields."""
        kind = KINDS[self.kind]
        found: dict[str, Any] = {
            "type": f"/problems/{self.kind}",
            "title": kind.title,
            "title_zh": kind.title_zh,
            "status": kind.status,
            "detail": self.remedy,
            "detail_zh": self.remedy_zh,
            "request_id": request_id,
        }
        if self.faults:
            found["errors"] = [
                {"field": fault.field, "detail": fault.remedy, "detail_zh": fault.remedy_zh}
                for fault in self.faults
            ]
        return found

    def response(self, request_id: str) -> web.Response:
        """Return the answer."""
        headers = {"Cache-Control": "no-store", **self.headers}
        return web.Response(
            status=self.status,
            body=orjson.dumps(self.document(request_id)),
            content_type=MEDIA_TYPE,
            headers=headers,
        )


def field_problem(faults: Sequence[FieldFault]) -> Problem:
    """Return the problem of fields; a body that is no JSON at all has the field ``""``."""
    unreadable = any(not fault.field for fault in faults)
    return Problem(
        "malformed-body" if unreadable else "invalid-fields",
        "; ".join(f"{fault.field or 'body'}: {fault.remedy}" for fault in faults),
        "; ".join(f"{fault.field or '请求内容'}: {fault.remedy_zh}" for fault in faults),
        faults=faults,
    )
