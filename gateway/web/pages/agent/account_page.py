"""`/agent/account`: who has signed in, and what they may do."""

from typing import Final

from aiohttp import web

from gateway.accounts.permissions import Permission
from gateway.web.pages.agent.frame import render_agent
from gateway.web.pages.words import Pair
from gateway.web.parts import ACCOUNT, PARTS

PERMISSION_WORDS: Final[dict[Permission, Pair]] = {
    Permission.READ_TICKETS: ("查看全部工单（个人信息已遮蔽）", "see every ticket, masked"),
    Permission.READ_OWN_TICKETS: ("查看派给自己的工单", "see the tickets that are one's own"),
    Permission.CONFIRM_TICKETS: ("确认、更正和答复", "confirm, correct and answer"),
    Permission.SPLIT_MERGE: ("拆单、并案", "split and merge"),
    Permission.HAND_OVER: ("移交同事", "hand over to a colleague"),
    Permission.REVEAL_PEOPLE: ("说明理由后查看个人信息", "see people's data, giving a reason"),
    Permission.SWITCH_SURGE: ("启停激增模式", "switch surge mode"),
    Permission.READ_SUPERVISION: ("查看当日全貌", "see the day at a glance"),
    Permission.SEARCH_ALL: ("检索全部工单", "search all tickets"),
    Permission.EXPORT: ("导出", "export"),
    Permission.EDIT_KNOWLEDGE: ("编辑知识库", "edit the knowledge base"),
    Permission.ADMINISTER_ACCOUNTS: ("管理账号", "administer accounts"),
    Permission.READ_AUDIT: ("查看审计日志", "read the audit log"),
    Permission.READ_TRAINING: ("查看训练数据", "read what models are trained with"),
}


async def show_account(request: web.Request) -> web.Response:
    """Show the account's name and role, and its permissions in words."""
    account = request[ACCOUNT]
    may = [PERMISSION_WORDS[item] for item in Permission if account.may(item)]
    unit = request.app[PARTS].unit_name(account.unit) if account.unit else None
    return render_agent(request, "agent_account.html", {"may": may, "unit": unit})
