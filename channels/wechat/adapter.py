"""From followers of an Official Account to messages, and back; see this folder's README."""

from collections.abc import AsyncIterator
from typing import Final

from channels.channel import Reply
from channels.errors import ReplyRefused
from channels.tencent_api import ApiFailed, TencentApi, TokenAsk, error_code
from channels.tencent_callback import TencentCallback
from channels.wechat.account import WeChatAccount
from channels.wxcrypt import Crypt

_SEND: Final = "/cgi-bin/message/custom/send"
_REFUSALS: Final = {
    40003: "the follower is not known",
    43004: "the citizen follows us no more",
    45002: "the text is too long",
    45015: "the citizen wrote more than 48 hours ago",
    45047: "too much was told since the citizen wrote last",
}


class WeChatChannel(TencentCallback):
    """One Official Account; citizens are known by the OpenID that they have with it."""

    name = "wechat"
    seals_echo = False
    silence = b"success"

    def __init__(self, account: WeChatAccount, *, max_text: int) -> None:
        crypt = Crypt(account.aes_key, account.app_id) if account.aes_key else None
        super().__init__(account.token, crypt, max_text=max_text)
        # The stable token is not taken from others who ask for one, as the plain one is.
        body = {
            "grant_type": "client_credential",
            "appid": account.app_id,
            "secret": account.secret,
        }
        self._api = TencentApi(account.api, TokenAsk("/cgi-bin/stable_token", body=body))

    async def send(self, reply: Reply) -> None:
        """Send a customer-service message; raise `ReplyRefused` where it will never arrive.

        The platform knows no key for it: one of which it is not known whether it came, comes twice.
        """
        message = {"touser": reply.address, "msgtype": "text", "text": {"content": reply.text}}
        code = error_code(await self._api.post(_SEND, message))
        if code in _REFUSALS:
            raise ReplyRefused(f"errcode {code}: {_REFUSALS[code]}")
        if code != 0:
            raise ApiFailed(f"errcode {code}")

    def fetch(self, reference: str) -> AsyncIterator[bytes]:
        """Yield a medium's bytes; raise `MediumGone` three days after it was sent."""
        return self._api.fetch(reference)

    async def close(self) -> None:
        """Close the connections to the platform."""
        await self._api.close()
