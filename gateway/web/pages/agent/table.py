"""The routes of the console's pages, in the order of the navigation."""

from typing import Final

from gateway.accounts.permissions import Permission
from gateway.web.pages.agent import (
    account_page,
    callbacks_page,
    calls_page,
    queue_page,
    sign_in_page,
    ticket_acts,
    ticket_answer,
    ticket_kin,
    ticket_page,
)
from gateway.web.pages.agent.routing import agent_form, agent_page

_TICKET: Final = "/agent/tickets/{ticket_id}"
_READ: Final = Permission.READ_TICKETS
_CONFIRM: Final = Permission.CONFIRM_TICKETS
_TICKET_PAGES: Final = (
    agent_page("/agent/next", ticket_page.go_to_next, "The next ticket 下一件", _CONFIRM),
    agent_page(
        _TICKET, ticket_page.show_ticket_page, "One ticket 工单", Permission.READ_TICKETS
    ),
    agent_form(f"{_TICKET}/confirm", ticket_acts.confirm_by_form, "Confirm 确认派单", _CONFIRM),
    agent_form(f"{_TICKET}/undo", ticket_acts.undo_by_form, "Undo 撤销确认", _CONFIRM),
    agent_form(f"{_TICKET}/correct", ticket_acts.correct_by_form, "Correct 更正", _CONFIRM),
    agent_form(f"{_TICKET}/claim", ticket_acts.claim_by_form, "Claim 认领", _CONFIRM),
    agent_form(f"{_TICKET}/let-go", ticket_acts.let_go_by_form, "Let go 放回", _CONFIRM),
    agent_form(
        f"{_TICKET}/hand-over", ticket_acts.hand_over_by_form, "Hand over 转交",
        Permission.HAND_OVER,
    ),
    agent_form(f"{_TICKET}/entries", ticket_answer.search_entries, "Find an answer", _CONFIRM),
    agent_form(f"{_TICKET}/answer", ticket_answer.answer_by_form, "Answer 直接答复", _CONFIRM),
    agent_form(f"{_TICKET}/question", ticket_acts.ask_by_form, "Ask the citizen 询问", _CONFIRM),
    agent_form(f"{_TICKET}/merge", ticket_kin.merge_by_form, "Merge 并案", Permission.SPLIT_MERGE),
    agent_form(f"{_TICKET}/split", ticket_kin.split_by_form, "Split 拆单", Permission.SPLIT_MERGE),
    agent_form(
        f"{_TICKET}/separate", ticket_kin.separate_by_form, "Take a merge back 撤销并案",
        Permission.SPLIT_MERGE,
    ),
    # Clerks may see people's data by API, but not this page.
    agent_form(f"{_TICKET}/reporter", ticket_answer.show_reporter, "The reporter", _CONFIRM),
    agent_form(f"{_TICKET}/words", ticket_answer.show_words, "The words as told", _CONFIRM),
)  # fmt: skip

_CALL_PAGES: Final = (
    agent_page("/agent/calls", calls_page.show_calls, "Calls in progress 通话", _READ),
    agent_page("/agent/calls/now", calls_page.show_calls_now, "They, as part of a page", _READ),
    agent_page("/agent/calls/{call}", calls_page.show_call, "One call 通话", _READ),
    agent_page("/agent/calls/{call}/now", calls_page.show_call_now, "It, as part of a page", _READ),
    agent_page("/agent/callbacks", callbacks_page.show_callbacks, "Whom to call back 回拨", _READ),
    agent_form(
        "/agent/callbacks/{callback}", callbacks_page.close_by_form, "What came of a call 回拨结果",
        _CONFIRM,
    ),
)  # fmt: skip

AGENT_PAGES: Final = (
    agent_page("/agent/sign-in", sign_in_page.show_sign_in, "Sign in 登录", "public"),
    agent_form("/agent/sign-in", sign_in_page.sign_in_by_form, "Sign in 登录", "public"),
    agent_form("/agent/sign-out", sign_in_page.sign_out_by_form, "Sign out 退出", "signed in"),
    agent_page("/agent/account", account_page.show_account, "Who one is 我的账号", "signed in"),
    *_TICKET_PAGES,
    agent_page("/agent", queue_page.show_queue, "The queue 待办", Permission.READ_TICKETS),
    *_CALL_PAGES,
)
