"""The table of permissions, cell by cell: a change here is a decision, not an accident."""

import pytest

from gateway.accounts.permissions import PERMISSIONS, PRIVILEGED, Account, Permission, Role

COLUMNS = (
    Role.AGENT, Role.SENIOR_AGENT, Role.SUPERVISOR, Role.UNIT_CLERK, Role.DATA_SCIENTIST,
    Role.KNOWLEDGE_EDITOR, Role.ADMINISTRATOR, Role.AUDITOR,
)  # fmt: skip
TABLE = """
    permission            agent senior supervisor clerk scientist editor administrator auditor
    tickets:read          yes   yes    yes        –     –         –      yes           –
    tickets:read_own      yes   yes    yes        yes   –         –      yes           –
    tickets:confirm       yes   yes    –          –     –         –      –             –
    tickets:split_merge   yes   yes    –          –     –         –      –             –
    tickets:hand_over     yes   yes    yes        –     –         –      –             –
    people:reveal         yes   yes    –          yes   –         –      –             –
    surge:switch          –     –      yes        –     –         –      yes           –
    supervision:read      –     –      yes        –     –         –      –             –
    search:all            yes   yes    yes        –     –         –      –             –
    export                –     –      yes        –     yes       –      –             –
    knowledge:edit        –     –      –          –     –         yes    –             –
    accounts:administer   –     –      –          –     –         –      yes           –
    audit:read            –     –      –          –     –         –      –             yes
    training:read         –     –      –          –     yes       –      –             –
"""
LINES = [line.split() for line in TABLE.strip().splitlines()][1:]
CELLS = [
    pytest.param(Permission(line[0]), role, cell == "yes", id=f"{role} {line[0]}")
    for line in LINES
    for role, cell in zip(COLUMNS, line[1:], strict=True)
]


@pytest.mark.parametrize(("permission", "role", "may"), CELLS)
def test_a_role_may_what_the_table_says(permission: Permission, role: Role, may: bool) -> None:
    """Each cell of the table above is what the program grants."""
    assert Account("somebody", role).may(permission) is may


def test_the_table_is_whole() -> None:
    """Every role is a column, every permission a row, and none is nobody's or everybody's."""
    assert set(COLUMNS) == set(Role)
    assert [line[0] for line in LINES] == [str(permission) for permission in Permission]
    assert set(PERMISSIONS) == set(Permission)
    assert all(PERMISSIONS[permission] < set(Role) for permission in Permission)
    assert all(PERMISSIONS[permission] for permission in Permission)


def test_who_reads_the_audit_log_can_do_nothing_else() -> None:
    """An auditor watches the others, and an administrator cannot read what is told of them."""
    auditor = Account("auditor", Role.AUDITOR)
    assert [item for item in Permission if auditor.may(item)] == [Permission.READ_AUDIT]
    assert not Account("chief", Role.ADMINISTRATOR).may(Permission.READ_AUDIT)
    assert {Role.ADMINISTRATOR, Role.AUDITOR, Role.SUPERVISOR} == PRIVILEGED
