"""From members who write to our WeCom app to messages, and back; see this folder's README."""

from collections.abc import AsyncIterator
from typing import Final

from channels.channel import Reply
from channels.errors import ReplyRefused
from channels.tencent_api import ApiFailed, TencentApi, TokenAsk, error_code
from channels.tencent_callback import TencentCallback
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


class WeComChannel(TencentCallback):
    """One app of one company; members are known by their UserID. Everything is sealed."""

    name = "wecom"
    seals_echo = True
    silence = b""

    def __init__(self, account: WeComAccount, *, max_text: int) -> None:
        super().__init__(account.token, Crypt(account.aes_key, account.corp_id), max_text=max_text)
        self._agent_id = account.agent_id
        query = {"corpid": account.corp_id, "corpsecret": account.secret}
        self._api = TencentApi(account.api, TokenAsk("/cgi-bin/gettoken", query))

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
        answer = await self._api.post(_SEND, message)
        code = error_code(answer)
        if code in _REFUSALS:
            raise ReplyRefused(f"errcode {code}: {_REFUSALS[code]}")
        if code != 0:
            raise ApiFailed(f"errcode {code}")
        # Success is said even where the one addressee was left out.
        if answer.get("invaliduser") or answer.get("unlicenseduser"):
            raise ReplyRefused("the member may not be written to")

    def fetch(self, reference: str) -> AsyncIterator[bytes]:
        """Yield a medium's bytes; raise `MediumGone` three days after it was sent."""
        return self._api.fetch(reference)

    async def close(self) -> None:
        """Close the connections to the platform."""
        await self._api.close()
