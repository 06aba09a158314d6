"""A next version of Jiesu: this checkout, copied, with one expand and one contract step more."""

import shutil
from pathlib import Path
from typing import Final

from gateway.tickets.migrate import known_revisions

ROOT: Final = Path(__file__).parents[2]
_PACKAGES: Final = ("gateway", "channels", "triage", "models", "training")
_STEPS: Final = Path("gateway/tickets/migrations/versions")
EXPAND: Final = "t1_language"
CONTRACT: Final = "t2_language_always"

_EXPAND_STEP: Final = '''"""A ticket's language; a trigger fills it in for older versions."""

from alembic import op

revision = {revision!r}
down_revision = {before!r}
phase = "expand"


def upgrade() -> None:
    """Add the column, fill it for new rows, then for those that are there."""
    op.execute("ALTER TABLE tickets ADD COLUMN language VARCHAR(16)")
    op.execute(
        "CREATE FUNCTION fill_language() RETURNS trigger LANGUAGE plpgsql AS "
        "$$ BEGIN NEW.language := coalesce(NEW.language, 'old'); RETURN NEW; END $$"
    )
    op.execute(
        "CREATE TRIGGER fill_language BEFORE INSERT OR UPDATE ON tickets "
        "FOR EACH ROW EXECUTE FUNCTION fill_language()"
    )
    op.execute(
        "UPDATE tickets SET language = 'old' FROM "
        "(SELECT id FROM tickets ORDER BY id FOR UPDATE) AS locked WHERE tickets.id = locked.id"
    )
'''

_CONTRACT_STEP: Final = '''"""Every version that serves fills the language in: the trigger goes."""

from alembic import op

revision = {revision!r}
down_revision = {before!r}
phase = "contract"


def upgrade() -> None:
    """Take the trigger away and have the column filled always."""
    op.execute("DROP TRIGGER fill_language ON tickets")
    op.execute("DROP FUNCTION fill_language")
    op.execute("ALTER TABLE tickets ALTER COLUMN language SET NOT NULL")
'''


def next_version(folder: Path) -> Path:
    """Write the next version into the folder and return it, as a value for PYTHONPATH.

    It writes the new column `tickets.language` itself, as `new`; rows of the version before have
    `old` in it.
    """
    for package in _PACKAGES:
        shutil.copytree(
            ROOT / package, folder / package, ignore=shutil.ignore_patterns("__pycache__")
        )
    before = known_revisions()[-1]
    for revision, text in ((EXPAND, _EXPAND_STEP), (CONTRACT, _CONTRACT_STEP)):
        step = text.format(revision=revision, before=before)
        (folder / _STEPS / f"{revision}.py").write_text(step)
        before = revision
    tables = folder / "gateway/tickets/schema.py"
    there = tables.read_text()
    mark = '    Column("triage_not_before", UtcDateTime),\n'
    assert there.count(mark) == 1, "the table of tickets looks different: mend this test"
    added = f'{mark}    Column("language", String(16), nullable=False, default="new"),\n'
    tables.write_text(there.replace(mark, added))
    return folder
