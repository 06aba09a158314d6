"""From members who write to our WeCom app to messages, and back; see this folder's README."""

from typing import Final

from channels.channel import Reply
from channels.errors import ReplyRefused
from channels.tencent_api import TencentApi, TokenAsk
from channels.tencent_channel import TencentChannel
from channels.wecom.account import WeComAccount
from channels.wxcrypt import Crypt

_SEND: Final = "/cgi-bin/message/send"
_REPEATS_DROPPED_FOR: Final = 4 * 3600
"""Seconds, the most that the platform allows: longer than a reply is tried again."""
_REFUSALS: Final = {
    40003: "the member is not known",
    60111: "the member is not known",
    81013: "the member may not be written to",
    82001: "the member may not be written to",
}


class WeComChannel(TencentChannel):
    """One app of one company; members are known by their UserID. Everything is sealed."""

    name = "wecom"
    per_second = 20.0
    """Our own choice: the platform documents what it takes in a day."""
    seals_echo = True
    silence = b""

    def __init__(self, account: WeComAccount, *, max_text: int) -> None:
        self._agent_id = account.agent_id
        query = {"corpid": account.corp_id, "corpsecret": account.secret}
        api = TencentApi(account.api, TokenAsk("/cgi-bin/gettoken", query))
        crypt = Crypt(account.aes_key, account.corp_id)
        super().__init__(account.token, crypt, api, max_text=max_text)

    async def send(self, reply: Reply) -> None:
        """Send an app message; the platform drops the same text if it comes again.

        Raises `ReplyRefused` where the member cannot be told.
        """
        message = {
            "touser": reply.address,
            "msgtype": "text",
            "agentid": self._agent_id,
            "text": {"content": reply.text},
            "enable_duplicate_check": 1,
            "duplicate_check_interval": _REPEATS_DROPPED_FOR,
        }
        answer = await self._api.tell(_SEND, message, _REFUSALS)
        # Success is said even where the one addressee was left out.
        if answer.get("invaliduser") or answer.get("unlicenseduser"):
            raise ReplyRefused("the member may not be written to")
