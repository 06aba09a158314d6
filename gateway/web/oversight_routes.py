"""Routes for supervisors: surge, the day's figures, search over all tickets, export."""

from typing import Final

from gateway.accounts.permissions import Permission
from gateway.web import oversight, searching
from gateway.web.route import BODY, SIGNED_IN, Route

OVERSIGHT: Final = (
    Route(
        "GET", "/api/v1/surge", oversight.show_surge, "Whether calls surge 诉求激增",
        Permission.SWITCH_SURGE, answer=oversight.SurgeDocument, problems=SIGNED_IN,
    ),
    Route(
        "POST", "/api/v1/surge", oversight.open_surge, "Open a surge 启用激增模式",
        Permission.SWITCH_SURGE, status=201, body=oversight.Grounds,
        answer=oversight.SurgeDocument,
        problems=(*SIGNED_IN, *BODY, "surge-running", "unavailable"),
    ),
    Route(
        "DELETE", "/api/v1/surge", oversight.close_surge, "Close the surge 结束激增模式",
        Permission.SWITCH_SURGE, answer=oversight.SurgeDocument,
        problems=(*SIGNED_IN, "no-surge", "unavailable"),
    ),
    Route(
        "POST", "/api/v1/search", searching.search_tickets, "Search all tickets 检索工单",
        Permission.SEARCH_ALL, body=searching.SearchTickets, answer=searching.FoundTickets,
        problems=(*SIGNED_IN, *BODY, "unavailable"),
    ),
    Route(
        "GET", "/api/v1/overview", oversight.show_overview, "A day at a glance 今日概览",
        Permission.READ_SUPERVISION, answer=oversight.Overview, query=oversight.OverviewQuery,
        problems=(*SIGNED_IN, "invalid-fields"),
    ),
    Route(
        "GET", "/api/v1/export/tickets", oversight.export_tickets, "Tickets as CSV 导出工单",
        Permission.EXPORT, query=oversight.ExportQuery, media_type="text/csv",
        problems=(*SIGNED_IN, "invalid-fields", "unavailable"),
    ),
    Route(
        "GET", "/api/v1/export/corrections", oversight.export_corrections,
        "Corrections as CSV 导出更正样本", Permission.EXPORT, query=oversight.ExportQuery,
        media_type="text/csv", problems=(*SIGNED_IN, "invalid-fields", "unavailable"),
    ),
)  # fmt: skip
