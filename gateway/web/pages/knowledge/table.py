"""The routes of the knowledge base's pages."""

from typing import Final

from gateway.accounts.permissions import Permission
from gateway.web.pages.agent.routing import agent_form, agent_page
from gateway.web.pages.knowledge import entry_page, history_page, list_page

_EDIT: Final = Permission.EDIT_KNOWLEDGE
_ONE: Final = "/agent/knowledge/{entry}"

KNOWLEDGE_PAGES: Final = (
    agent_page("/agent/knowledge", list_page.show_list, "The knowledge base 知识库", _EDIT),
    agent_form("/agent/knowledge", entry_page.add_by_form, "Add an entry 新增条目", _EDIT),
    # Before an entry's own page: no entry is named so.
    agent_page("/agent/knowledge/new", entry_page.show_new, "A new entry 新增条目", _EDIT),
    agent_page(_ONE, entry_page.show_entry, "Edit an entry 修改条目", _EDIT),
    agent_form(_ONE, entry_page.change_by_form, "Edit an entry 修改条目", _EDIT),
    agent_form(f"{_ONE}/retirement", entry_page.retire_by_form, "Retire an entry 停用条目", _EDIT),
    agent_page(f"{_ONE}/history", history_page.show_history, "An entry's history 条目历史", _EDIT),
)
