"""Markup in every field that a citizen, a unit or a vendor can fill is words on every page."""

from collections.abc import Iterator
from typing import Any, Final

import pytest
from lxml import html
from playwright.sync_api import Dialog

from channels.registry import configured_channels
from gateway.accounts.permissions import Permission, Role
from gateway.settings import Settings
from gateway.web.route import Route
from tests.attacks.channels import BY_VENDORS, WAYS
from tests.attacks.hostile import HOSTILE, SCRIPT_LINK
from tests.attacks.stage import MARK, Stage, assert_inert, assert_safe, one_who_may, who_may
from tests.attacks.table import QUERY, ROUTES, WRITING, filled, name, parameters, sample
from tests.browser.browsing import COMPLAINTS, chromium
from tests.web.visitor import Visitor
from tests.web.wire import UNIT, Reply

PAGES: Final = [one for one in ROUTES if one.media_type == "text/html" and one.method == "GET"]
JSON: Final = [one for one in ROUTES if one.media_type == "application/json"]
ENTRY: Final[dict[str, Any]] = {
    "question": HOSTILE[:200], "answer": HOSTILE, "asks": [HOSTILE[:200]], "topic": "城乡建设",
    "unit": UNIT, "source": {"title": HOSTILE[:200], "url": 'https://a.example/"onload=x55'},
    "owner": HOSTILE[:200],
}  # fmt: skip
ACTS: Final = [
    one
    for one in WRITING
    if parameters(one) == ["ticket_id"] and one.body is not None
    and isinstance(one.access, Permission)
]  # fmt: skip


@pytest.fixture(scope="module")
def told(stage: Stage) -> Stage:
    """The stage, after hostile words came by every way in and by every act on a ticket."""
    for way, send in WAYS.items():
        reply = send(stage)
        assert reply.status in {200, 201}, (way, reply.status, reply.body)
    for title in (HOSTILE[:200], "几号来暖气"):
        added = stage.ask(
            "POST", "/api/v1/knowledge", {**ENTRY, "question": title},
            stage.browser(Role.KNOWLEDGE_EDITOR),
        )  # fmt: skip
        assert added.status == 201, added.body
        stage.entry = added.document["id"]
    for route in ACTS:
        _act(stage, route)
    return stage


def _act(stage: Stage, route: Route) -> None:
    """Try an act with hostile words on a ticket of its own; what may be written is written."""
    receipt = stage.served.file(f"停水 {HOSTILE}")
    assert route.body is not None
    body = sample(route.body, HOSTILE)
    stage.wait(receipt["ticket_id"])
    [[version]] = stage.served.select(
        "SELECT version FROM tickets WHERE id = ?", receipt["ticket_id"]
    )
    for account in who_may(route):
        reply = stage.send(route, account, {**body, "version": version},
                           ticket_id=receipt["ticket_id"])  # fmt: skip
        if reply.status < 400:
            break


def test_every_channel_is_spoken_to() -> None:
    """A new channel has its hostile message in `tests/attacks/channels.py`."""
    settings = Settings(webhook_secrets={"tests": "0123456789abcdef"})
    assert {channel.name for channel in configured_channels(settings)} <= {*WAYS, *BY_VENDORS}


def test_their_words_are_on_pages_at_all(told: Stage) -> None:
    """Words and unit stand on one's own appeal as words: the tests here can find them."""
    visitor = told.visitor()
    text = visitor.get("/appeal").text()
    assert text.count("<script>window.x55=1</script>") >= 3
    assert "<x55>" in text


@pytest.mark.parametrize("route", PAGES, ids=name)
def test_pages(told: Stage, route: Route) -> None:
    """No page has an element, attribute, script or address of theirs, for whoever may see it."""
    values = {"ticket_id": told.ticket, "entry": told.entry}
    query = "&".join(f"{key}=%22%3E%3Cx55%3E{MARK}" for key in sorted({*QUERY, "q", MARK}))
    guarded = isinstance(route.access, Permission) or route.access == "signed in"
    if not guarded:
        for visitor in (told.visitor(), Visitor(told.served)):
            for path in (filled(route, **values), f"{filled(route, **values)}?{query}"):
                assert_safe(visitor.send("GET", path, None, {}), path)
        return
    for role in who_may(route):
        for asked in ("", f"?{query}"):
            reply = told.send(route, role.value, query=asked, **values)
            assert reply.status < 500, name(route)
    if "ticket_id" in parameters(route) and route.status == 200:
        page = told.send(route, one_who_may(route), **values)
        assert page.status != 200 or "<x55" in page_text(page), f"{name(route)} shows no words"
    for ticket in told.tickets():
        told.send(route, one_who_may(route), **{**values, "ticket_id": ticket})


def page_text(reply: Reply) -> str:
    """The words of a page, its fields' values included."""
    tree = html.fromstring(reply.body.decode())
    return str(tree.text_content()) + " ".join(tree.xpath("//@value"))


def test_forms_give_back_what_was_typed_as_words(told: Stage) -> None:
    """A form with a fault shows what was typed, and a link of a source is none of a script."""
    visitor = told.visitor()
    for page, action, fields in (
        ("/", "/appeals", {"text": HOSTILE, "name": HOSTILE * 2, "address": HOSTILE}),
        ("/appeal", "/appeal/additions", {"text": HOSTILE * 900}),
        ("/chat", "/chat", {"text": HOSTILE * 900}),
    ):
        given = {**visitor.get(page).fields(action), **fields}
        sight = visitor.post(action, given)
        assert sight.reply.status in {200, 413, 422}, action
        assert_safe(sight.reply, action)
    stranger = Visitor(told.served)
    given = {"number": HOSTILE, "code": HOSTILE}
    assert_safe(stranger.fill("/appeal", "/appeal/sign-in", **given).reply, "/appeal/sign-in")


def test_answers_while_typing(told: Stage) -> None:
    """Entries are offered as words; their source leads to no script."""
    visitor = Visitor(told.served)
    token = visitor.get("/").fields("/appeals")["form_token"]
    sight = visitor.post("/answers", {"text": "几号来暖气", "form_token": token})
    assert_inert(sight.reply.body, "/answers")


@pytest.mark.parametrize("url", [SCRIPT_LINK, "data:text/html,x55", "//evil", " https://a", "x"])
def test_links_of_sources(told: Stage, url: str) -> None:
    """An entry's source is an address of the web, or it is refused."""
    body = {**ENTRY, "source": {"title": "x", "url": url}}
    reply = told.ask("POST", "/api/v1/knowledge", body, told.browser(Role.KNOWLEDGE_EDITOR))
    assert reply.status == 422


@pytest.mark.parametrize("route", [one for one in JSON if one.method == "GET"], ids=name)
def test_documents(told: Stage, route: Route) -> None:
    """Documents with their words are JSON and nothing else (`Stage.ask` looks at each)."""
    guarded = isinstance(route.access, Permission) or route.access == "signed in"
    account = one_who_may(route) if guarded else None
    values = {"ticket_id": told.ticket, "entry": told.entry}
    reply = told.send(route, account, **values)
    if reply.status == 200:
        assert reply.headers["content-type"].startswith("application/json"), name(route)


def test_in_a_browser(told: Stage) -> None:
    """Chromium opens the pages with their words, scripts and all: nothing of theirs ever runs."""
    dialogs: list[str] = []

    def dismissed(dialog: Dialog) -> None:
        dialogs.append(dialog.message)
        dialog.dismiss()

    COMPLAINTS.clear()
    with chromium() as browser:
        for account, paths in _walks(told):
            context = browser.new_context(base_url=f"http://127.0.0.1:{told.served.process.port}")
            context.add_cookies(_cookies(told, account))
            page = context.new_page()
            page.on("dialog", dismissed)
            page.on("console", lambda line: _listen(line.text))
            for path in paths:
                page.goto(path, wait_until="load")
                page.wait_for_timeout(100)
                assert page.evaluate("window.x55") is None, path
                assert page.locator("x55, img[src='x55']").count() == 0, path
            context.close()
    assert dialogs == []
    assert COMPLAINTS == []


def _listen(text: str) -> None:
    if "Content Security Policy" in text or "Refused to" in text:
        COMPLAINTS.append(text)


def _walks(stage: Stage) -> Iterator[tuple[str | None, list[str]]]:
    """Yield accounts and the pages that each opens, every page once; None is a citizen."""
    values = {"ticket_id": stage.ticket, "entry": stage.entry}
    walks: dict[str | None, list[str]] = {}
    for route in PAGES:
        account = None if route.access == "public" else one_who_may(route)
        walks.setdefault(account, []).append(filled(route, **values))
    yield from walks.items()


def _cookies(stage: Stage, account: str | None) -> list[Any]:
    url = f"http://127.0.0.1:{stage.served.process.port}"
    if account is not None:
        pairs = [stage.browser(account)["Cookie"].split("=", 1)]
    else:
        visitor = stage.visitor()
        visitor.fill("/chat", "/chat", text=f"停电了 {HOSTILE}")
        pairs = [[key, value] for key, value in visitor.cookies.items()]
    return [{"name": key, "value": value, "url": url} for key, value in pairs]
