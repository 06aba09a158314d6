"""Nothing is lost by the embedded gateway, whatever of it is killed."""

import asyncio
import random
from contextlib import ExitStack
from functools import partial
from pathlib import Path

import pytest

from tests import servers
from tests.gateway_process import GatewayProcess
from tests.loss import attacks
from tests.loss.attacks import Attack
from tests.loss.evidence import Place
from tests.loss.proof import GROUPS, Run, agent_token, ledger_path, settings
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
        await asyncio.to_thread(reader.kill_before_it_acknowledges)
        reader.start()

    async def send_again() -> None:
        await asyncio.to_thread(gateway.command, "outbox", "republish")

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
        (0.46, "outbox sent again", send_again),
        (0.50, "Valkey out of reach for 10 s", stop_valkey),
        (0.75, "Valkey killed", kill_valkey),
        (0.88, "gateway killed", kill_gateway),
    )
    return [Attack(at + dice.uniform(0, 0.06), name, strike) for at, name, strike in planned]


async def run_embedded(gateway: GatewayProcess, ledgers: Path, *, confirmed: bool) -> None:
    """Prove one embedded gateway, all out at once or confirmed by agents."""
    gateway.settings |= settings(confirmed=confirmed)
    await asyncio.to_thread(gateway.start)
    token = await asyncio.to_thread(agent_token, gateway) if confirmed else None
    socket = f"unix://{gateway.folder / 'valkey.sock'}"
    readers = [
        ReaderProcess(ledger_path(ledgers, group), socket, group, f"{group}-1") for group in GROUPS
    ]
    for reader in readers:
        reader.start()

    async def stop() -> None:
        assert await asyncio.to_thread(gateway.terminate) == 0

    seed = 12345 + confirmed
    run = Run(
        "embedded, " + ("confirmed by agents" if confirmed else "published at once"),
        Place(gateway.folder, f"sqlite+aiosqlite:///{gateway.folder}/jiesu.sqlite3", socket),
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


async def test_nothing_is_lost_when_the_embedded_parts_are_killed(tmp_path: Path) -> None:
    """No ticket is missing, doubled or undone, with killed gateways, Valkeys, triage, readers.

    Two installations side by side, each with one gateway: in one everything is published at
    once, in the other agents confirm.
    """
    with ExitStack() as stack:
        gateways = [GatewayProcess(stack.enter_context(servers.short_folder())) for _ in range(2)]
        for gateway in gateways:
            stack.callback(gateway.kill)
        async with asyncio.TaskGroup() as group:
            for gateway, confirmed in zip(gateways, (False, True), strict=True):
                ledgers = tmp_path / gateway.folder.name
                ledgers.mkdir()
                group.create_task(run_embedded(gateway, ledgers, confirmed=confirmed))
