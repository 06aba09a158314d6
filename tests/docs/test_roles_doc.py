"""The table of roles in `docs/api.md` against the table of permissions."""

from gateway.accounts.permissions import PERMISSIONS, Permission, Role
from tests.docs.pages import DOCS, rows

PAGE = DOCS / "api.md"


def test_the_table_of_roles_is_that_of_the_program() -> None:
    """Each permission has a row, each role a column, and each cell says what the program grants."""
    [header] = [line for line in PAGE.read_text().splitlines() if line.startswith("| | agent")]
    roles = [Role(cell.strip()) for cell in header.strip("|").split("|")[1:]]
    assert roles == list(Role)
    told = {
        row[0].split("`")[1]: {
            role for role, cell in zip(roles, row[1:], strict=True) if cell == "yes"
        }
        for row in rows(PAGE, "`[a-z_]+(:[a-z_]+)?`.*")
        if len(row) == len(roles) + 1
    }
    assert told == {str(permission): set(PERMISSIONS[permission]) for permission in Permission}
