"""WeChat and WeCom as a server of this process, and what they post to us."""

import asyncio
import base64
import hashlib
import secrets
import threading
import time
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode
from xml.etree import ElementTree as ET

from aiohttp import web
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from tests.web.wire import Reply, Served

AES_KEY = "abcdefghijklmnopqrstuvwxyz0123456789ABCDEFG"
TOKEN = "tokenOfTheTests"
SECRET = "a secret that only the platform knows"
APP = "wx0123456789abcdef"
COMPANY = "ww1f6a5b4c3d2e1f00"
AGENT = 1000002


def sealed(aes_key: str, message: bytes, receiver: str) -> str:
    """Seal as the platform's description says, written apart from the product."""
    key = base64.b64decode(aes_key + "=")
    plain = secrets.token_bytes(16) + len(message).to_bytes(4, "big") + message + receiver.encode()
    count = 32 - len(plain) % 32
    encryptor = Cipher(algorithms.AES(key), modes.CBC(key[:16])).encryptor()
    packet = encryptor.update(plain + bytes([count] * count)) + encryptor.finalize()
    return base64.b64encode(packet).decode()


def opened(aes_key: str, packet: str) -> tuple[bytes, str]:
    """Return message and receiver of a packet."""
    key = base64.b64decode(aes_key + "=")
    decryptor = Cipher(algorithms.AES(key), modes.CBC(key[:16])).decryptor()
    plain = decryptor.update(base64.b64decode(packet)) + decryptor.finalize()
    plain = plain[: -plain[-1]]
    end = 20 + int.from_bytes(plain[16:20], "big")
    return plain[20:end], plain[end:].decode()


def signed(*parts: str) -> str:
    """Return the signature over our token and these parts."""
    return hashlib.sha1("".join(sorted([TOKEN, *parts])).encode()).hexdigest()


@dataclass
class Platform:
    """The API of both platforms: what it was asked, and what it shall answer."""

    url: str = ""
    tokens: int = 0
    sent: list[dict[str, Any]] = field(default_factory=list)
    failures: list[int] = field(default_factory=list)
    """Error codes of the next messages; one below 1000 and above 0 is an HTTP status."""
    media: dict[str, bytes] = field(default_factory=dict)
    videos: dict[str, bytes] = field(default_factory=dict)
    lasts: int = 7200

    @property
    def token(self) -> str:
        """The access token that is in force."""
        return f"access-token-{self.tokens}"

    def expire(self) -> None:
        """End the access token before its time."""
        self.tokens += 1

    async def give_token(self, request: web.Request) -> web.Response:
        """Answer who knows the secret."""
        asked = await request.json() if request.method == "POST" else dict(request.query)
        if asked.get("secret", asked.get("corpsecret")) != SECRET:
            return web.json_response({"errcode": 40125, "errmsg": "invalid secret"})
        # So that calls at the same time would overtake each other.
        await asyncio.sleep(0.05)
        self.tokens += 1
        return web.json_response({"access_token": self.token, "expires_in": self.lasts})

    async def take_message(self, request: web.Request) -> web.Response:
        """Take a message for a citizen."""
        if request.query["access_token"] != self.token:
            return web.json_response({"errcode": 42001, "errmsg": "access_token expired"})
        code = self.failures.pop(0) if self.failures else 0
        if 0 < code < 1000:
            return web.Response(status=code)
        if code == 0:
            self.sent.append({"path": request.path, **await request.json()})
        return web.json_response({"errcode": code, "errmsg": "as the test wants it"})

    async def give_medium(self, request: web.Request) -> web.StreamResponse:
        """Give a medium, or a video's address, or say that there is none."""
        if request.query["access_token"] != self.token:
            return web.json_response({"errcode": 40001, "errmsg": "invalid credential"})
        name = request.query["media_id"]
        if name in self.videos:
            return web.json_response({"video_url": f"{self.url}/video/{name}"})
        if name not in self.media:
            # As the platform does: JSON, and called plain text.
            return web.Response(text='{"errcode":40007,"errmsg":"invalid media_id"}')
        headers = {"Content-Disposition": f'attachment; filename="{name}.jpg"'}
        return web.Response(body=self.media[name], content_type="image/jpeg", headers=headers)

    async def give_video(self, request: web.Request) -> web.Response:
        """Give a video, to whoever knows its address."""
        assert "access_token" not in request.query
        return web.Response(body=self.videos[request.match_info["name"]], content_type="video/mp4")

    def application(self) -> web.Application:
        """Return the routes."""
        app = web.Application()
        app.router.add_post("/cgi-bin/stable_token", self.give_token)
        app.router.add_get("/cgi-bin/gettoken", self.give_token)
        app.router.add_post("/cgi-bin/message/custom/send", self.take_message)
        app.router.add_post("/cgi-bin/message/send", self.take_message)
        app.router.add_get("/cgi-bin/media/get", self.give_medium)
        app.router.add_get("/video/{name}", self.give_video)
        return app


@contextmanager
def platform_serving() -> Iterator[Platform]:
    """Give the platform, served from a thread."""
    platform = Platform()
    loop = asyncio.new_event_loop()
    runner = web.AppRunner(platform.application())

    async def start() -> None:
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()

    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    try:
        asyncio.run_coroutine_threadsafe(start(), loop).result(10)
        platform.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
        yield platform
        asyncio.run_coroutine_threadsafe(runner.cleanup(), loop).result(10)
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


def wechat_account(url: str, *, plain: bool = False) -> dict[str, Any]:
    """Return the Official Account of the tests."""
    account = {"app_id": APP, "secret": SECRET, "token": TOKEN, "api": url}
    return account if plain else {**account, "aes_key": AES_KEY}


def wecom_account(url: str) -> dict[str, Any]:
    """Return the WeCom app of the tests."""
    return {
        "corp_id": COMPANY, "agent_id": AGENT, "secret": SECRET, "token": TOKEN,
        "aes_key": AES_KEY, "api": url,
    }  # fmt: skip


def message(kind: str, sender: str, **fields: object) -> bytes:
    """Return a message's XML; every one has an id of its own."""
    known = {
        "ToUserName": "gh_0123456789ab", "FromUserName": sender, "CreateTime": int(time.time()),
        "MsgType": kind, **fields, "MsgId": uuid.uuid4().int >> 65,
    }  # fmt: skip
    root = ET.Element("xml")
    for name, value in known.items():
        ET.SubElement(root, name).text = str(value)
    return ET.tostring(root, "unicode").encode()


@dataclass(frozen=True)
class Vendor:
    """One of the platforms in one of its modes, over a gateway that runs."""

    served: Served
    platform: Platform
    channel: str
    receiver: str
    seals: bool = True
    seals_echo: bool = False

    def post(self, body: bytes, changed: Mapping[str, str] = {}, *, age: float = 0) -> Reply:
        """Post a message's XML as this platform does, but for what is changed in the query."""
        timestamp, nonce = str(int(time.time() - age)), secrets.token_hex(5)
        known = {"timestamp": timestamp, "nonce": nonce, "signature": signed(timestamp, nonce)}
        if self.seals:
            packet = sealed(AES_KEY, body, self.receiver)
            body = f"<xml><ToUserName>x</ToUserName><Encrypt>{packet}</Encrypt></xml>".encode()
            known |= {"encrypt_type": "aes", "msg_signature": signed(timestamp, nonce, packet)}
        return self.send("POST", {**known, **changed}, body)

    def prove(self, echo: str = "5172841094032", **query: str) -> Reply:
        """Make sure that this address is ours."""
        timestamp, nonce = str(int(time.time())), secrets.token_hex(5)
        known = {"timestamp": timestamp, "nonce": nonce, "echostr": echo}
        if self.seals_echo:
            known["echostr"] = sealed(AES_KEY, echo.encode(), self.receiver)
            known["msg_signature"] = signed(timestamp, nonce, known["echostr"])
        else:
            known["signature"] = signed(timestamp, nonce)
        return self.send("GET", {**known, **query})

    def send(self, method: str, query: dict[str, str], body: bytes | None = None) -> Reply:
        """Send what may be signed or not."""
        path = f"/channels/{self.channel}?{urlencode(query)}"
        return self.served.call(method, path, body, {"Content-Type": "text/xml"})

    def read(self, reply: Reply) -> dict[str, str]:
        """Return the fields of a passive reply, opened where it is sealed."""
        assert reply.status == 200, reply.body
        fields = {item.tag: item.text or "" for item in ET.fromstring(reply.body)}
        if self.seals:
            packet = fields["Encrypt"]
            parts = (fields["TimeStamp"], fields["Nonce"], packet)
            assert fields["MsgSignature"] == signed(*parts)
            inner, receiver = opened(AES_KEY, packet)
            assert receiver == self.receiver
            fields = {item.tag: item.text or "" for item in ET.fromstring(inner)}
        return fields
