"""Both platforms' API as the channels use it: tokens, refusals, media."""

import asyncio
from collections.abc import AsyncIterator, Iterator

import pytest

from channels.channel import Closes, Fetches, Replies, Reply
from channels.errors import MediumGone, ReplyRefused
from channels.registry import Channels
from channels.tencent_api import ApiFailed
from channels.wechat.account import WeChatAccount
from channels.wechat.adapter import WeChatChannel
from channels.wecom.account import WeComAccount
from channels.wecom.adapter import WeComChannel
from tests.channels.tencent import Platform, platform_serving, wechat_account, wecom_account

Tencent = WeChatChannel | WeComChannel
REPLY = Reply("key", "citizen-1", "您的诉求(工单号 261127-0001-0001-1)已派至丰台区办理。")


def build(name: str, url: str, **changes: object) -> Tencent:
    """Return the channel of that name."""
    if name == "wechat":
        account = WeChatAccount.model_validate(wechat_account(url) | changes)
        return WeChatChannel(account, max_text=1000)
    return WeComChannel(WeComAccount.model_validate(wecom_account(url) | changes), max_text=1000)


@pytest.fixture
def platform() -> Iterator[Platform]:
    """Both platforms' API."""
    with platform_serving() as found:
        yield found


@pytest.fixture(params=["wechat", "wecom"])
async def channel(request: pytest.FixtureRequest, platform: Platform) -> AsyncIterator[Tencent]:
    """Each of both channels in turn."""
    found = build(request.param, platform.url)
    yield found
    await found.close()


async def read(channel: Tencent, reference: str) -> bytes:
    """Return a medium as a whole."""
    return b"".join([chunk async for chunk in channel.fetch(reference)])


def test_ports(platform: Platform) -> None:
    """The channels reply, fetch and close, and the registry sees it."""
    for name in ("wechat", "wecom"):
        assert isinstance(build(name, platform.url), Replies)
        assert isinstance(build(name, platform.url), Fetches)
        assert isinstance(build(name, platform.url), Closes)


async def test_connections_are_closed(channel: Tencent) -> None:
    """The registry closes what its channels have opened, and what has opened nothing."""
    await channel.send(REPLY)
    session = channel._api._session
    assert session is not None
    assert not session.closed
    unused = build("wechat" if channel.name == "wecom" else "wecom", "http://localhost")
    await Channels([channel, unused]).close()
    assert session.closed


async def test_one_token_for_many_replies(channel: Tencent, platform: Platform) -> None:
    """However many are sent at once, the platform is asked once for an access token."""
    await asyncio.gather(*(channel.send(REPLY) for _ in range(10)))
    assert len(platform.sent) == 10
    assert platform.tokens == 1
    # In UTF-8 as it is, not escaped.
    assert {item["text"]["content"] for item in platform.sent} == {REPLY.text}


async def test_token_that_ended_early(channel: Tencent, platform: Platform) -> None:
    """A token that is no longer in force is replaced, once for all who find out together."""
    await channel.send(REPLY)
    platform.expire()
    await asyncio.gather(*(channel.send(REPLY) for _ in range(5)))
    assert len(platform.sent) == 6
    assert platform.tokens == 3


async def test_token_near_its_end(channel: Tencent, platform: Platform) -> None:
    """A token is not used to its last second: one that lasts no time is asked for again."""
    platform.lasts = 0
    await channel.send(REPLY)
    await channel.send(REPLY)
    assert platform.tokens == 2


async def test_token_that_never_helps(channel: Tencent, platform: Platform) -> None:
    """A second refusal of a fresh token is a failure, not a loop."""
    platform.failures[:] = [40001, 40014]
    with pytest.raises(ApiFailed, match="errcode 40014"):
        await channel.send(REPLY)
    assert platform.sent == []


async def test_wrong_secret(platform: Platform) -> None:
    """Who has the wrong secret learns the platform's code, and quotes nothing secret."""
    for name in ("wechat", "wecom"):
        channel = build(name, platform.url, secret="a secret that is quite wrong")
        with pytest.raises(ApiFailed, match="no access token: errcode 40125") as refused:
            await channel.send(REPLY)
        assert "quite wrong" not in str(refused.value)
        await channel.close()


REFUSED = {"wechat": (40003, 43004, 45002, 45015, 45047), "wecom": (40003, 60111, 81013, 82001)}


@pytest.mark.parametrize(
    ("name", "code"), [(name, code) for name, codes in REFUSED.items() for code in codes]
)
async def test_refused_for_good(platform: Platform, name: str, code: int) -> None:
    """What will not get better is not tried again."""
    channel = build(name, platform.url)
    platform.failures[:] = [code]
    with pytest.raises(ReplyRefused, match=f"errcode {code}"):
        await channel.send(REPLY)
    await channel.close()


@pytest.mark.parametrize("code", [-1, 45009, 500, 302])
async def test_failed_for_now(channel: Tencent, platform: Platform, code: int) -> None:
    """A busy platform, a used-up quota or a broken answer is tried again later."""
    platform.failures[:] = [code]
    with pytest.raises(ApiFailed):
        await channel.send(REPLY)
    await channel.send(REPLY)
    assert len(platform.sent) == 1


async def test_platform_away() -> None:
    """Where nobody answers, the error names neither address, token nor secret."""
    for name in ("wechat", "wecom"):
        channel = build(name, "http://127.0.0.1:9")
        with pytest.raises(ApiFailed, match=r"^not reached: [A-Za-z]+$") as failed:
            await channel.send(REPLY)
        assert failed.value.__suppress_context__
        assert failed.value.__cause__ is None
        await channel.close()


async def test_medium(channel: Tencent, platform: Platform) -> None:
    """A medium comes in pieces, with a new token where the old one has ended."""
    platform.media["p1"] = bytes(range(256)) * 4096
    assert await read(channel, "p1") == platform.media["p1"]
    platform.expire()
    assert len([chunk async for chunk in channel.fetch("p1")]) > 1


async def test_video(channel: Tencent, platform: Platform) -> None:
    """A video that lies elsewhere is fetched there, without our token."""
    platform.videos["v1"] = b"moving pictures"
    assert await read(channel, "v1") == b"moving pictures"


async def test_medium_that_is_gone(channel: Tencent) -> None:
    """After three days nothing helps, and the ticket says so."""
    with pytest.raises(MediumGone, match="three days"):
        await read(channel, "p0")


async def test_medium_while_the_platform_is_away() -> None:
    """What cannot be fetched now is not given up."""
    channel = build("wechat", "http://127.0.0.1:9")
    with pytest.raises(ApiFailed):
        await read(channel, "p1")
    await channel.close()
