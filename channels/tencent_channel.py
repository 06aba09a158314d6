"""WeChat and WeCom alike: what they post is checked, opened, read, and answered in one breath."""

import hmac
import re
import secrets
from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import datetime
from typing import Final
from xml.etree import ElementTree as ET

from channels.channel import Receipt, WireAnswer, WireRequest
from channels.errors import SignatureRejected, Unparsable
from channels.message import Message
from channels.phrases import GREETING, as_printed, is_enough, is_greeting
from channels.signing import check_fresh
from channels.tencent_api import TencentApi
from channels.tencent_messages import Fields, read_message, read_xml
from channels.wxcrypt import Crypt, NotOpened, signature

_ECHO: Final = re.compile(r"[!-~]{1,200}")
_ANOTHER: Final = "如要反映另一件事,请以“新诉求”开头。"
UNREADABLE: Final = as_printed(
    "这条消息我们暂时无法读取,已留存待人工查看。请改用文字说明您的诉求。"
)


def receipt_text(receipt: Receipt) -> str:
    """Return what the citizen reads at once, with the number in groups as it is read out."""
    if receipt.added:
        return as_printed(f"已补充到您的诉求,工单号 {receipt.number},无需重复提交。{_ANOTHER}")
    return as_printed(
        f"您的诉求已受理,工单号 {receipt.number},查询码 {receipt.query_code}。"
        f"如有人身危险,请立即拨打 110、119 或 120。可继续补充文字、图片或视频。{_ANOTHER}"
    )


class TencentChannel:
    """What both platforms have in common; how a reply is sent, each has in a class of its own.

    With a `crypt` only sealed messages are taken and answers are sealed too (安全模式); without,
    messages come in plain, and the signature does not cover them (明文模式).
    """

    name: str
    seals_echo: bool
    """Whether the platform seals the text by which it makes sure of us."""
    silence: bytes
    """What says that all is well and nothing is to be told."""

    def __init__(self, token: str, crypt: Crypt | None, api: TencentApi, *, max_text: int) -> None:
        self._token = token
        self._crypt = crypt
        self._api = api
        self._max_text = max_text

    def verify(self, request: WireRequest, now: datetime) -> None:
        """Check signature, in constant time, and timestamp (five minutes either way).

        The platform sends a message again for fifteen seconds, so that this is long enough.
        """
        query = request.query
        timestamp = query.get("timestamp", "")
        signed, given = [timestamp, query.get("nonce", "")], query.get("signature", "")
        if self._is_sealed(request):
            signed.append(self._sealed(request))
            given = query.get("msg_signature", "")
        expected = signature(self._token, *signed)
        if not hmac.compare_digest(expected.encode(), given.encode("utf-8", "replace")):
            raise SignatureRejected("the signature is not by our token")
        check_fresh(timestamp, now)
        if request.method == "GET":
            self._echo(request)

    def parse(self, request: WireRequest) -> Sequence[Message]:
        """Return the message, or none where it is an event or the platform makes sure of us."""
        if request.method == "GET":
            return []
        raw = self._opened(request)
        fields = read_xml(raw)
        if fields.get("MsgType") == "event" or is_greeting(_text(fields)):
            return []
        return [read_message(self.name, fields, raw, self._max_text)]

    def answer(self, request: WireRequest, receipts: Sequence[Receipt]) -> WireAnswer:
        """Tell the citizen the receipt at once, or that an agent has to look at it."""
        if request.method == "GET":
            return WireAnswer(200, self._echo(request), "text/plain")
        try:
            fields = read_xml(self._opened(request))
        except Unparsable:
            fields = {}
        text = _told(fields, receipts)
        if text is None or not (fields.get("FromUserName") and fields.get("ToUserName")):
            return WireAnswer(200, self.silence, "text/plain")
        # A channel has no clock: the time of the answer is that of the request.
        timestamp = request.query.get("timestamp", "0")
        reply = _xml(
            {
                "ToUserName": fields["FromUserName"],
                "FromUserName": fields["ToUserName"],
                "CreateTime": timestamp,
                "MsgType": "text",
                "Content": text,
            }
        )
        return WireAnswer(200, self._closed(reply, timestamp), "text/xml")

    def fetch(self, reference: str) -> AsyncIterator[bytes]:
        """Yield a medium's bytes; raise `MediumGone` three days after it was sent."""
        return self._api.fetch(reference)

    async def close(self) -> None:
        """Close the connections to the platform."""
        await self._api.close()

    def _is_sealed(self, request: WireRequest) -> bool:
        return self.seals_echo if request.method == "GET" else self._crypt is not None

    def _sealed(self, request: WireRequest) -> str:
        if request.method == "GET":
            return request.query.get("echostr", "")
        try:
            return read_xml(request.body).get("Encrypt", "")
        except Unparsable:
            raise SignatureRejected("there is nothing in it that could be signed") from None

    def _echo(self, request: WireRequest) -> bytes:
        """Return what the platform wants to hear; raise `SignatureRejected` if it is not theirs."""
        echo = request.query.get("echostr", "")
        if self.seals_echo and self._crypt is not None:
            try:
                return self._crypt.open(echo)
            except NotOpened as error:
                raise SignatureRejected(str(error)) from None
        if not _ECHO.fullmatch(echo):
            raise SignatureRejected("there is nothing to echo")
        return echo.encode()

    def _opened(self, request: WireRequest) -> bytes:
        if self._crypt is None:
            return request.body
        try:
            return self._crypt.open(read_xml(request.body).get("Encrypt", ""))
        except NotOpened as error:
            raise Unparsable(str(error)) from None

    def _closed(self, reply: bytes, timestamp: str) -> bytes:
        if self._crypt is None:
            return reply
        sealed, nonce = self._crypt.seal(reply), secrets.token_hex(8)
        return _xml(
            {
                "Encrypt": sealed,
                "MsgSignature": signature(self._token, timestamp, nonce, sealed),
                "TimeStamp": timestamp,
                "Nonce": nonce,
            }
        )


def _told(fields: Fields, receipts: Sequence[Receipt]) -> str | None:
    if receipts:
        # What ends the asking is answered in the conversation.
        quiet = receipts[0].added and is_enough(_text(fields))
        return None if quiet else receipt_text(receipts[0])
    if fields.get("Event") == "subscribe" or is_greeting(_text(fields)):
        return GREETING
    return None if fields.get("MsgType") == "event" else UNREADABLE


def _text(fields: Fields) -> str:
    return fields.get("Content", "") if fields.get("MsgType") == "text" else ""


def _xml(fields: Mapping[str, str]) -> bytes:
    root = ET.Element("xml")
    for name, value in fields.items():
        ET.SubElement(root, name).text = value
    return ET.tostring(root, "unicode").encode()
