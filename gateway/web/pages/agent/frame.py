"""What every page of the console is rendered in: who is signed in, where to go, how to leave."""

from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import urlencode

from aiohttp import web

from gateway.accounts.permissions import Account, Permission, Role
from gateway.web.pages.rendering import render, told
from gateway.web.pages.words import Pair
from gateway.web.parts import ACCOUNT
from gateway.web.problems import Problem

HOME: Final = "/agent"
ACCOUNT_PAGE: Final = "/agent/account"
NAV: Final[tuple[tuple[str, Pair, Permission], ...]] = (
    ("/agent", ("待办", "Queue"), Permission.READ_TICKETS),
    ("/agent/calls", ("通话", "Calls"), Permission.READ_TICKETS),
    ("/agent/callbacks", ("回拨", "Call-backs"), Permission.READ_TICKETS),
    ("/agent/search", ("检索", "Search"), Permission.SEARCH_ALL),
    ("/agent/today", ("今日", "Today"), Permission.READ_SUPERVISION),
    ("/agent/surge", ("激增", "Surge"), Permission.SWITCH_SURGE),
    ("/agent/knowledge", ("知识库", "Knowledge"), Permission.EDIT_KNOWLEDGE),
    ("/agent/export", ("导出", "Export"), Permission.EXPORT),
)
"""Where the console's pages lie, in the order of the navigation; it shows those that there are."""
ROLES: Final[dict[Role, Pair]] = {
    Role.AGENT: ("坐席", "Agent"),
    Role.SENIOR_AGENT: ("班长坐席", "Senior agent"),
    Role.SUPERVISOR: ("主管", "Supervisor"),
    Role.UNIT_CLERK: ("承办单位经办人", "Unit clerk"),
    Role.DATA_SCIENTIST: ("数据分析师", "Data scientist"),
    Role.KNOWLEDGE_EDITOR: ("知识库编辑", "Knowledge editor"),
    Role.ADMINISTRATOR: ("管理员", "Administrator"),
    Role.AUDITOR: ("审计员", "Auditor"),
}
_SWITCHES: Final = frozenset({"lang", "type"})


def render_agent(
    request: web.Request,
    template: str,
    context: Mapping[str, Any],
    *,
    here: str | None = None,
    tab: str | None = None,
    status: int = 200,
) -> web.Response:
    """Return a page of the console; its template extends `agent_base.html`.

    `here` is the path by which it can be asked for again, by default that of the request; `tab`
    the path of the navigation that it belongs to, by default the page itself.
    """
    account = request.get(ACCOUNT)
    path = here or request.path
    found = {
        "account": account,
        "role": ROLES[account.role] if account else None,
        "nav": nav_of(request, account) if account else [],
        "tab": tab or path,
        "switched": lambda name, value: _switched(request, path, name, value),
        **context,
    }
    return render(request, template, found, here=path, status=status)


def agent_trouble(request: web.Request, problem: Problem, request_id: str) -> web.Response:
    """Return a problem as a page of the console."""
    context = {"trouble": told(request, problem), "request_id": request_id}
    response = render_agent(
        request, "agent_trouble.html", context, here=HOME, tab="none", status=problem.status
    )
    response.headers.update(problem.headers)
    return response


def nav_of(request: web.Request, account: Account) -> list[tuple[str, Pair]]:
    """Return the pages that the account may open, of those that are served."""
    served = {resource.canonical for resource in request.app.router.resources()}
    return [
        (path, label)
        for path, label, permission in NAV
        if account.may(permission) and path in served
    ]


def home_of(request: web.Request, account: Account) -> str:
    """Return the page with which the account's work begins."""
    pages = nav_of(request, account)
    return pages[0][0] if pages else ACCOUNT_PAGE


def is_console(path: str) -> bool:
    """Return whether an address is one of the console."""
    return path == HOME or path.startswith(f"{HOME}/")


def _switched(request: web.Request, path: str, name: str, value: str) -> str:
    """Return the address of the same page, filters included, in another language or size."""
    kept = [item for item in request.query.items() if item[0] not in _SWITCHES]
    return f"{path}?{urlencode([*kept, (name, value)])}"
