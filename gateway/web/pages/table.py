"""The pages' routes; all forms are checked for coming from a page of ours."""

from typing import Final

from gateway.web.pages import answers, appeal_page, assets, chat_page, filing_page
from gateway.web.pages.agent.table import AGENT_PAGES
from gateway.web.pages.knowledge.table import KNOWLEDGE_PAGES
from gateway.web.pages.supervisor.table import SUPERVISOR_PAGES
from gateway.web.route import Handler, Route


def _page(path: str, handler: Handler, summary: str) -> Route:
    return Route("GET", path, handler, summary, "public", media_type="text/html")


def _form(path: str, handler: Handler, summary: str) -> Route:
    return Route("POST", path, handler, summary, "public", status=303, media_type="text/html")


PAGES: Final = (
    _page("/", filing_page.show_form, "File an appeal 提交诉求"),
    _form("/appeals", filing_page.file_form, "File an appeal 提交诉求"),
    Route("POST", "/answers", answers.offer_answers, "Answers while typing, as part of a page",
          "public", media_type="text/html"),
    _page("/receipt", filing_page.show_receipt, "The receipt 回执"),
    _page("/chat", chat_page.show_chat, "The chat 在线对话"),
    _form("/chat", chat_page.say_by_form, "Say something in the chat"),
    _form("/chat/leave", chat_page.leave_chat, "Leave the chat"),
    _page("/appeal", appeal_page.show_appeal_page, "One's own appeal 我的诉求"),
    _page("/appeal/progress", appeal_page.show_progress, "Where it stands, as part of a page"),
    _form("/appeal/sign-in", appeal_page.sign_in, "Show number and code"),
    _form("/appeal/sign-out", appeal_page.sign_out, "Close the session"),
    _form("/appeal/additions", appeal_page.add_by_form, "Add to one's appeal 补充"),
    _form("/appeal/withdrawal", appeal_page.withdraw_by_form, "Withdraw one's appeal 撤回"),
    _form("/appeal/rating", appeal_page.rate_by_form, "Rate one's appeal 评价"),
    Route(
        "GET", "/assets/{digest}/{name}", assets.show_asset, "A file of the pages", "public",
        media_type="application/octet-stream",
    ),
    *AGENT_PAGES,
    *KNOWLEDGE_PAGES,
    *SUPERVISOR_PAGES,
)  # fmt: skip
