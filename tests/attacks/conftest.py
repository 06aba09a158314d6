"""One gateway for all attacks, with every channel open that can be spoken to from here."""

import asyncio
import json
import shutil
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path

import pytest

from gateway.accounts.accounts import Accounts
from gateway.accounts.passwords import Passwords
from gateway.accounts.permissions import Role
from gateway.foundation import foundation
from gateway.settings import Settings
from tests.attacks.hostile import HOSTILE, PERSON
from tests.attacks.stage import Stage
from tests.ports import free_port
from tests.web.test_odd_words import decided
from tests.web.wire import PASSWORD, UNIT, WEBHOOK_SECRET, serving
from triage.taxonomy import FILES

OTHER_CLERK = "other-clerk"
OTHER_UNIT = "gas"


@pytest.fixture(scope="package")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """A gateway with accounts of all roles, a clerk of another unit, and one hostile ticket."""
    catalogue = tmp_path_factory.mktemp("catalogue")
    _write_catalogue(catalogue)
    secrets = json.dumps({"tests": WEBHOOK_SECRET})
    settings = {
        "JIESU_CATALOGUE_DIR": str(catalogue),
        "JIESU_SECOND_FACTOR": "off",
        "JIESU_UNDO_SECONDS": "600",
        "JIESU_BODY_TIMEOUT": "5",
        "JIESU_WEBHOOK_SECRETS": secrets,
        "JIESU_VOICE_SECRETS": secrets,
        "JIESU_OPEN311_KEYS": secrets,
        "JIESU_TELEGRAM_TOKEN": "12345:tests",
        "JIESU_TELEGRAM_SECRET": "a-secret-of-the-tests",
        "JIESU_TELEGRAM_API": "http://127.0.0.1:9",
        "JIESU_MAIL_ADDRESS": "hotline@example.com",
        "JIESU_MAIL_LISTEN": f"127.0.0.1:{free_port()}",
    }
    with serving(accounts=True, **settings) as served:
        asyncio.run(_add_clerk(Settings(data_dir=served.process.folder)))
        body = {
            "text": f"停水了 {HOSTILE}",
            "place": {"address": HOSTILE},
            "reporter": {"name": PERSON, "address": HOSTILE, "phone": "13900002222"},
        }
        reply = served.call("POST", "/api/v1/appeals", body)
        assert reply.status == 201, reply.body
        receipt = reply.document
        decided(served, receipt["ticket_id"])
        found = Stage(served, receipt["ticket_id"], receipt["query_code"])
        found.change(
            "UPDATE tickets SET status = 'dispatched', unit = ?, dispatched_unit = ? WHERE id = ?",
            UNIT, UNIT, found.ticket,
        )  # fmt: skip
        yield found


def _write_catalogue(folder: Path) -> None:
    """Write the catalogue that ships, with a unit whose name is markup."""
    for file in FILES:
        shutil.copyfile(str(files("triage") / "taxonomy" / file), folder / file)
    units = folder / "units.csv"
    lines = units.read_text("utf-8").splitlines()
    quoted = HOSTILE.replace('"', '""')
    lines = [f'{UNIT},"{quoted}",enterprise,停水' if line.startswith(f"{UNIT},") else line
             for line in lines]  # fmt: skip
    units.write_text("\n".join(lines) + "\n", "utf-8")


async def _add_clerk(settings: Settings) -> None:
    async with foundation(settings) as base:
        accounts = Accounts(base.database, base.vault, base.clock)
        await accounts.add(OTHER_CLERK, Role.UNIT_CLERK, OTHER_UNIT)
        await accounts.set_password(OTHER_CLERK, await Passwords().hash(PASSWORD))
