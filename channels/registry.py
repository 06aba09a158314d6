"""The channels that this installation serves: one line a channel."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Protocol

from channels.channel import Channel, Closes, Fetches, HearsCalls, Listens, Replies
from channels.chat.adapter import ChatChannel
from channels.mail.servers import read_server
from channels.voice.adapter import VoiceChannel
from channels.webhook.adapter import WebhookChannel
from channels.wechat.account import WeChatAccount
from channels.wechat.adapter import WeChatChannel
from channels.wecom.account import WeComAccount
from channels.wecom.adapter import WeComChannel


class Channels:
    """The configured channels by name; built once by the composition root."""

    def __init__(self, channels: Iterable[Channel]) -> None:
        self._by_name = {channel.name: channel for channel in channels}

    def __iter__(self) -> Iterator[Channel]:
        return iter(self._by_name.values())

    def get(self, name: str) -> Channel | None:
        """Return the channel of that name, or None where it is not configured."""
        return self._by_name.get(name)

    def that_replies(self, name: str) -> Replies | None:
        """Return the channel of that name if it can tell citizens something later."""
        found: object = self._by_name.get(name)
        return found if isinstance(found, Replies) else None

    def that_fetches(self, name: str) -> Fetches | None:
        """Return the channel of that name if its media lie with the vendor."""
        found: object = self._by_name.get(name)
        return found if isinstance(found, Fetches) else None

    def that_hears_calls(self, name: str) -> HearsCalls | None:
        """Return the channel of that name if it reports of telephone calls."""
        found: object = self._by_name.get(name)
        return found if isinstance(found, HearsCalls) else None

    def that_listen(self) -> list[tuple[Channel, Listens]]:
        """Return the channels that wait for messages by themselves."""
        found: list[tuple[Channel, object]] = [(item, item) for item in self]
        return [(item, ears) for item, ears in found if isinstance(ears, Listens)]

    async def close(self) -> None:
        """Close the connections that channels hold."""
        found: list[object] = list(self)
        for item in found:
            if isinstance(item, Closes):
                await item.close()


class ChannelSettings(Protocol):
    """What channels need to know their senders; the service's settings have it all."""

    @property
    def max_text(self) -> int:
        """Longest text of an appeal, in characters."""
        ...

    @property
    def webhook_secrets(self) -> Mapping[str, str]:
        """Senders of the signed webhook, by source."""
        ...

    @property
    def wechat(self) -> WeChatAccount | None:
        """The Official Account of WeChat."""
        ...

    @property
    def wecom(self) -> WeComAccount | None:
        """The app of WeCom."""
        ...

    @property
    def voice_secrets(self) -> Mapping[str, str]:
        """Call centres' platforms, by source."""
        ...

    @property
    def mail_address(self) -> str | None:
        """The hotline's e-mail address."""
        ...

    @property
    def mail_listen(self) -> str | None:
        """`host:port` of the SMTP listener."""
        ...

    @property
    def mail_imap(self) -> str | None:
        """URL of the mailbox that is polled, with user and password."""
        ...

    @property
    def mail_smtp(self) -> str | None:
        """URL of the server by which replies are sent, with user and password."""
        ...

    @property
    def telegram_token(self) -> str | None:
        """Token of the Telegram bot."""
        ...

    @property
    def telegram_secret(self) -> str | None:
        """What Telegram proves itself with when it posts; None where we ask it for updates."""
        ...

    @property
    def telegram_api(self) -> str:
        """URL of the Bot API server."""
        ...


def configured_channels(settings: ChannelSettings) -> Channels:
    """Build every channel that has what it needs to check its senders."""
    channels: list[Channel] = [ChatChannel()]
    if settings.webhook_secrets:
        channels.append(WebhookChannel(settings.webhook_secrets, max_text=settings.max_text))
    if settings.wechat:
        channels.append(WeChatChannel(settings.wechat, max_text=settings.max_text))
    if settings.wecom:
        channels.append(WeComChannel(settings.wecom, max_text=settings.max_text))
    if settings.voice_secrets:
        channels.append(VoiceChannel(settings.voice_secrets, max_text=settings.max_text))
    if settings.mail_address and (settings.mail_listen or settings.mail_imap):
        channels.append(_mail(settings, settings.mail_address))
    if settings.telegram_token:
        channels.append(_telegram(settings, settings.telegram_token))
    return Channels(channels)


def _mail(settings: ChannelSettings, address: str) -> Channel:
    # Its libraries take a while to import: only who takes mails waits for them.
    from channels.mail.adapter import MailChannel

    listen, imap, smtp = settings.mail_listen, settings.mail_imap, settings.mail_smtp
    return MailChannel(
        address,
        listen=read_server("smtp", f"smtp://{listen}") if listen else None,
        imap=read_server("imap", imap) if imap else None,
        smtp=read_server("smtp", smtp) if smtp else None,
        max_text=settings.max_text,
    )


def _telegram(settings: ChannelSettings, token: str) -> Channel:
    # Its library takes a while to import: only who has a bot waits for it.
    from channels.telegram.adapter import ListeningTelegramChannel, TelegramChannel

    kind = TelegramChannel if settings.telegram_secret else ListeningTelegramChannel
    return kind(token, settings.telegram_secret, settings.telegram_api, max_text=settings.max_text)
