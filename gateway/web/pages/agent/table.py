"""The routes of the console's pages, in the order of the navigation."""

from typing import Final

from gateway.accounts.permissions import Permission
from gateway.web.pages.agent import account_page, queue_page, sign_in_page
from gateway.web.pages.agent.routing import agent_form, agent_page

AGENT_PAGES: Final = (
    agent_page("/agent/sign-in", sign_in_page.show_sign_in, "Sign in 登录", "public"),
    agent_form("/agent/sign-in", sign_in_page.sign_in_by_form, "Sign in 登录", "public"),
    agent_form("/agent/sign-out", sign_in_page.sign_out_by_form, "Sign out 退出", "signed in"),
    agent_page("/agent/account", account_page.show_account, "Who one is 我的账号", "signed in"),
    agent_page("/agent", queue_page.show_queue, "The queue 待办", Permission.READ_TICKETS),
)
