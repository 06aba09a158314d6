"""The routes of the supervisor's pages."""

from typing import Final

from gateway.accounts.permissions import Permission
from gateway.web.pages.agent.routing import agent_form, agent_page
from gateway.web.pages.supervisor import (
    cluster_page,
    export_page,
    search_page,
    surge_page,
    today_page,
)

_SURGE: Final = Permission.SWITCH_SURGE
SUPERVISOR_PAGES: Final = (
    agent_page(
        "/agent/today", today_page.show_today, "A day at a glance 今日概览",
        Permission.READ_SUPERVISION,
    ),
    agent_page("/agent/surge", surge_page.show_surge_page, "Surge 诉求激增", _SURGE),
    agent_form("/agent/surge", surge_page.open_by_form, "Open a surge 启用激增模式", _SURGE),
    agent_form("/agent/surge/close", surge_page.close_by_form, "Close the surge 结束", _SURGE),
    agent_page(
        "/agent/search", search_page.show_search, "Search 检索", Permission.SEARCH_ALL
    ),
    agent_form(
        "/agent/search", search_page.search_by_form, "Search 检索", Permission.SEARCH_ALL
    ),
    agent_page(
        "/agent/clusters/{ticket_id}", cluster_page.show_cluster_page,
        "Tickets on one matter 同一事项", Permission.READ_TICKETS,
    ),
    agent_page("/agent/export", export_page.show_export, "Export 导出", Permission.EXPORT),
    agent_form("/agent/export", export_page.export_by_form, "Export 导出", Permission.EXPORT),
)  # fmt: skip
