"""Who may do what: the roles, the permissions, and the one table that joins them."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final


class Role(StrEnum):
    """What an account is for."""

    AGENT = "agent"
    SENIOR_AGENT = "senior-agent"
    SUPERVISOR = "supervisor"
    UNIT_CLERK = "unit-clerk"
    DATA_SCIENTIST = "data-scientist"
    KNOWLEDGE_EDITOR = "knowledge-editor"
    ADMINISTRATOR = "administrator"
    AUDITOR = "auditor"


class Permission(StrEnum):
    """What a route asks for."""

    READ_TICKETS = "tickets:read"
    """Every ticket, masked."""
    READ_OWN_TICKETS = "tickets:read_own"
    """The tickets that one may see: a unit clerk's are those dispatched to the unit."""
    CONFIRM_TICKETS = "tickets:confirm"
    SPLIT_MERGE = "tickets:split_merge"
    HAND_OVER = "tickets:hand_over"
    """Senior agents and supervisors also hand over what another agent has."""
    REVEAL_PEOPLE = "people:reveal"
    SWITCH_SURGE = "surge:switch"
    READ_SUPERVISION = "supervision:read"
    SEARCH_ALL = "search:all"
    EXPORT = "export"
    EDIT_KNOWLEDGE = "knowledge:edit"
    ADMINISTER_ACCOUNTS = "accounts:administer"
    READ_AUDIT = "audit:read"
    READ_TRAINING = "training:read"


_AGENTS: Final = frozenset({Role.AGENT, Role.SENIOR_AGENT})
_DESK: Final = _AGENTS | {Role.SUPERVISOR}

PERMISSIONS: Final[dict[Permission, frozenset[Role]]] = {
    Permission.READ_TICKETS: _DESK | {Role.ADMINISTRATOR},
    Permission.READ_OWN_TICKETS: _DESK | {Role.ADMINISTRATOR, Role.UNIT_CLERK},
    Permission.CONFIRM_TICKETS: _AGENTS,
    Permission.SPLIT_MERGE: _AGENTS,
    Permission.HAND_OVER: _DESK,
    Permission.REVEAL_PEOPLE: _AGENTS | {Role.UNIT_CLERK},
    Permission.SWITCH_SURGE: frozenset({Role.SUPERVISOR, Role.ADMINISTRATOR}),
    Permission.READ_SUPERVISION: frozenset({Role.SUPERVISOR}),
    Permission.SEARCH_ALL: _DESK,
    Permission.EXPORT: frozenset({Role.SUPERVISOR, Role.DATA_SCIENTIST}),
    Permission.EDIT_KNOWLEDGE: frozenset({Role.KNOWLEDGE_EDITOR}),
    Permission.ADMINISTER_ACCOUNTS: frozenset({Role.ADMINISTRATOR}),
    Permission.READ_AUDIT: frozenset({Role.AUDITOR}),
    Permission.READ_TRAINING: frozenset({Role.DATA_SCIENTIST}),
}
"""The one table of permissions: who may do what."""

PRIVILEGED: Final = frozenset({Role.ADMINISTRATOR, Role.AUDITOR, Role.SUPERVISOR})
"""Roles that need a second factor unless the settings ask for none."""


@dataclass(frozen=True, slots=True)
class Account:
    """Somebody who has signed in; `unit` is the code of a unit clerk's unit."""

    name: str
    role: Role
    unit: str | None = None

    def may(self, permission: Permission) -> bool:
        """Return whether the role has the permission."""
        return self.role in PERMISSIONS[permission]
