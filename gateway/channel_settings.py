"""The settings of channels: whom we know, and where we are reached."""

import re

from pydantic import Field, ValidationInfo, field_validator
from pydantic_settings import BaseSettings

from channels.mail.servers import read_server
from channels.wechat.account import WeChatAccount
from channels.wecom.account import WeComAccount

_ADDRESS = re.compile(r"[\w.+-]+@[\w-]+(\.[\w-]+)*", re.ASCII)


class ChannelSettings(BaseSettings):
    """The part of the settings that channels need to know their senders."""

    webhook_secrets: dict[str, str] = Field(
        {}, description='senders of the signed webhook as JSON: `{"source": "secret"}`'
    )
    wechat: WeChatAccount | None = Field(
        None,
        description="the WeChat Official Account as JSON: `app_id`, `secret`, `token`, `aes_key`",
    )
    wecom: WeComAccount | None = Field(
        None,
        description="the WeCom app as JSON: `corp_id`, `agent_id`, `secret`, `token`, `aes_key`",
    )
    voice_secrets: dict[str, str] = Field(
        {}, description='call centres\' platforms as JSON: `{"source": "secret"}`'
    )
    codes_url: str | None = Field(
        None,
        pattern=r"^https?://",
        description="where the call centre's platform takes one-time codes to send to telephones; "
        "default: numbers cannot be verified",
    )
    codes_secret: str | None = Field(
        None,
        validate_default=True,
        description="the secret by which those requests are signed, 16 characters or more",
    )
    open311_keys: dict[str, str] = Field(
        {}, description='apps that may file by Open311, as JSON: `{"app": "key"}`'
    )
    jurisdiction: str = Field(
        "beijing.gov.cn", description="the `jurisdiction_id` of this city's Open311 interface"
    )
    mail_listen: str | None = Field(
        None, description="`host:port` on which mails are taken by SMTP; default: not at all"
    )
    mail_imap: str | None = Field(
        None, description="`imaps://user:password@host/INBOX`, a mailbox that is looked into"
    )
    mail_smtp: str | None = Field(
        None, description="`smtps://user:password@host:port`, by which mails are answered"
    )
    mail_address: str | None = Field(
        None, validate_default=True, description="the hotline's e-mail address"
    )
    telegram_token: str | None = Field(
        None, description="token of the Telegram bot; default: no Telegram"
    )
    telegram_secret: str | None = Field(
        None,
        pattern=r"^[A-Za-z0-9_-]{16,256}$",
        description="`secret_token` of the bot's webhook; default: the bot asks for its updates",
    )
    telegram_api: str = Field(
        "https://api.telegram.org",
        pattern=r"^https?://",
        description="the Bot API server, without the token",
    )

    @field_validator("webhook_secrets", "voice_secrets", "open311_keys")
    @classmethod
    def _long_secrets(cls, value: dict[str, str]) -> dict[str, str]:
        for source, secret in value.items():
            if len(secret) < 16 or not source or "/" in source:
                raise ValueError("a name has no slash, and its secret at least 16 characters")
        return value

    @field_validator("codes_secret")
    @classmethod
    def _secret_of_codes(cls, value: str | None, info: ValidationInfo) -> str | None:
        if info.data.get("codes_url") and len(value or "") < 16:
            raise ValueError("give JIESU_CODES_URL a secret of at least 16 characters")
        return value

    @field_validator("mail_listen", "mail_imap", "mail_smtp")
    @classmethod
    def _known_server(cls, value: str | None, info: ValidationInfo) -> str | None:
        if value and info.field_name == "mail_listen":
            read_server("smtp", f"smtp://{value}")
        elif value:
            read_server("imap" if info.field_name == "mail_imap" else "smtp", value)
        return value

    @field_validator("mail_address")
    @classmethod
    def _address_of_mails(cls, value: str | None, info: ValidationInfo) -> str | None:
        if value and not _ADDRESS.fullmatch(value):
            raise ValueError("write it as name@domain")
        if not value and (info.data.get("mail_listen") or info.data.get("mail_imap")):
            raise ValueError("name the address whose mails are taken")
        return value
