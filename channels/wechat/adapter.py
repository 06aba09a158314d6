"""From followers of an Official Account to messages, and back; see this folder's README."""

from typing import Final

from channels.channel import Reply
from channels.tencent_api import TencentApi, TokenAsk
from channels.tencent_channel import TencentChannel
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


class WeChatChannel(TencentChannel):
    """One Official Account; citizens are known by the OpenID that they have with it."""

    name = "wechat"
    per_second = 20.0
    """Our own choice: the platform documents what it takes in a day."""
    seals_echo = False
    silence = b"success"

    def __init__(self, account: WeChatAccount, *, max_text: int) -> None:
        crypt = Crypt(account.aes_key, account.app_id) if account.aes_key else None
        # The stable token is not taken from others who ask for one, as the plain one is.
        body = {
            "grant_type": "client_credential",
            "appid": account.app_id,
            "secret": account.secret,
        }
        api = TencentApi(account.api, TokenAsk("/cgi-bin/stable_token", body=body))
        super().__init__(account.token, crypt, api, max_text=max_text)

    async def send(self, reply: Reply) -> None:
        """Send a customer-service message; raise `ReplyRefused` where it will never arrive.

        The platform knows no key for it: one of which it is not known whether it came, comes twice.
        """
        message = {"touser": reply.address, "msgtype": "text", "text": {"content": reply.text}}
        await self._api.tell(_SEND, message, _REFUSALS)
