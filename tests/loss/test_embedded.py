"""Nothing is lost by the embedded gateway, whatever of it is killed."""

import random
from functools import partial
from pathlib import Path

import pytest

from tests.gateway_process import GatewayProcess
from tests.loss import attacks
from tests.loss.attacks import Attack
from tests.loss.evidence import Place
from tests.loss.proof import GROUPS, Run, ledger_path, settings
from tests.loss.reader import ReaderProcess

pytestmark = pytest.mark.kills


def embedded_attacks(
    gateway: GatewayProcess, reader: ReaderProcess, dice: random.Random
) -> list[Attack]:
    """Return what is done to the embedded gateway, its parts and its consumer."""
    folder = gateway.folder

    async def kill_gateway() -> None:
        await attacks.kill_and_start(gateway, dice.uniform(0.1, 0.6))

    async def kill_reader() -> None:
        reader.kill()
        reader.start()

    async def stop_valkey() -> None:
        await attacks.stop_for([int((folder / "valkey/child.pid").read_text())], 10)

    kill_valkey = partial(attacks.kill_embedded_valkey, folder)
    kill_triage = partial(attacks.kill_triage_child, gateway)
    planned = (
        (0.08, "gateway killed", kill_gateway),
        (0.18, "triage killed", kill_triage),
        (0.25, "Valkey killed", kill_valkey),
        (0.33, "reader killed", kill_reader),
        (0.40, "gateway killed", kill_gateway),
        (0.50, "Valkey out of reach for 10 s", stop_valkey),
        (0.75, "Valkey killed", kill_valkey),
        (0.88, "gateway killed", kill_gateway),
    )
    return [Attack(at + dice.uniform(0, 0.06), name, strike) for at, name, strike in planned]


@pytest.mark.parametrize("confirmed", [False, True], ids=["at once", "confirmed by agents"])
async def test_nothing_is_lost_when_the_embedded_parts_are_killed(
    gateway: GatewayProcess, confirmed: bool, tmp_path: Path
) -> None:
    """No ticket is missing, doubled or undone, with killed gateways, Valkeys, triage, readers."""
    gateway.settings |= settings(confirmed=confirmed)
    gateway.start()
    seed = 12345 + confirmed
    socket = f"unix://{gateway.folder / 'valkey.sock'}"
    readers = [
        ReaderProcess(ledger_path(tmp_path, group), socket, group, f"{group}-1") for group in GROUPS
    ]
    for reader in readers:
        reader.start()
    token = None
    if confirmed:
        gateway.command("accounts", "add", "root", "--role", "administrator")
        token = gateway.command("accounts", "add", "desk-1").stdout.strip()

    async def stop() -> None:
        assert gateway.terminate() == 0

    database = f"sqlite+aiosqlite:///{gateway.folder}/jiesu.sqlite3"
    run = Run(
        "embedded, " + ("confirmed by agents" if confirmed else "published at once"),
        Place(gateway.folder, database, socket),
        [gateway],
        readers,
        embedded_attacks(gateway, readers[0], random.Random(seed)),
        stop,
        seed=seed,
        token=token,
    )
    try:
        await run.prove()
    finally:
        for reader in readers:
            reader.end()
