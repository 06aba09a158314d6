"""A browser without scripts: keeps cookies, fills in forms, follows redirects."""

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from http.cookies import SimpleCookie
from typing import Any
from urllib.parse import urlencode

from lxml import html

from tests.web.wire import Reply, Served, file_part, form, text_part


def _address() -> str:
    return f"127.9.{secrets.randbelow(250)}.{secrets.randbelow(250) + 2}"


@dataclass(slots=True)
class Sight:
    """A page as it came."""

    reply: Reply
    path: str

    @property
    def tree(self) -> Any:
        """The page's elements."""
        return html.fromstring(self.reply.body.decode())

    def text(self, query: str = "//main") -> str:
        """The text of the elements that a query finds, spaces made one."""
        return " ".join(" ".join(item.text_content().split()) for item in self.tree.xpath(query))

    def fields(self, action: str) -> dict[str, str]:
        """What the form of that action holds, hidden fields included."""
        [found] = self.tree.xpath(f"//form[@action='{action}']")
        return {name: value for name, value in found.form_values() if name != "uploads"}


@dataclass(slots=True)
class Visitor:
    """One browser; each has an address of its own, so that none uses up another's attempts."""

    served: Served
    cookies: dict[str, str] = field(default_factory=dict)
    source: str = field(default_factory=_address)

    def get(self, path: str) -> Sight:
        """Open a page, following redirects."""
        return self._follow(self.send("GET", path, None, {}), path)

    def post(
        self,
        action: str,
        fields: Mapping[str, str] | Sequence[tuple[str, str]],
        *files: tuple[str, bytes],
        headers: Mapping[str, str] | None = None,
    ) -> Sight:
        """Send a form, as multipart where it has files."""
        pairs = list(fields.items()) if isinstance(fields, Mapping) else list(fields)
        if files:
            parts = [text_part(name, value) for name, value in pairs]
            body = form(*parts, *(file_part(name, content) for name, content in files))
            kind = "multipart/form-data; boundary=border"
        else:
            body, kind = urlencode(pairs).encode(), "application/x-www-form-urlencoded"
        reply = self.send("POST", action, body, {"Content-Type": kind, **(headers or {})})
        return self._follow(reply, action)

    def fill(self, page: str, action: str, *files: tuple[str, bytes], **fields: str) -> Sight:
        """Open a page, fill in its form and send it."""
        given = {**self.get(page).fields(action), **fields}
        return self.post(action, given, *files)

    def send(self, method: str, path: str, body: bytes | None, headers: Mapping[str, str]) -> Reply:
        """Send one request as this browser would, and keep the cookies that come back."""
        cookie = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        named = {"Accept": "text/html", **headers, **({"Cookie": cookie} if cookie else {})}
        reply = self.served.call(method, path, body, named, source=self.source)
        for line in reply.headers.get("set-cookie", "").splitlines():
            for name, morsel in SimpleCookie(line).items():
                self.cookies[name] = morsel.value
                if morsel["max-age"] == "0":
                    del self.cookies[name]
        return reply

    def _follow(self, reply: Reply, path: str) -> Sight:
        while reply.status == 303:
            path = reply.headers["location"]
            assert path.startswith("/")
            assert not path.startswith("//")
            reply = self.send("GET", path, None, {})
        return Sight(reply, path)
