"""The commands as operators run them: what they print, and sentences instead of tracebacks."""

import json
import time
from collections.abc import Iterator
from importlib.metadata import entry_points
from pathlib import Path

import pytest

from gateway.clock import SystemClock
from gateway.tickets.numbers import ticket_id
from tests.gateway_process import GatewayProcess
from tests.web.test_odd_words import decided
from tests.web.wire import Served, serving


@pytest.fixture(scope="module")
def served() -> Iterator[Served]:
    """A gateway beside which the commands run; what they confirm cannot be undone."""
    with serving(accounts=True, JIESU_UNDO_SECONDS="0") as found:
        yield found


@pytest.fixture
def place(tmp_path: Path) -> GatewayProcess:
    """A data folder with nothing in it, where no gateway runs."""
    return GatewayProcess(tmp_path)


def _refused(process: GatewayProcess, *arguments: str) -> str:
    """Run a command that must fail with a sentence, and return the sentence."""
    done = process.command(*arguments, check=False)
    assert done.returncode not in {0, -9}, done.stdout
    assert "Traceback" not in done.stderr
    return " ".join(done.stderr.replace("│", " ").split())


def test_help_lists_all_commands(place: GatewayProcess) -> None:
    """`jiesu --help` names every command that is installed."""
    names = {point.name for point in entry_points(group="jiesu.commands")}
    assert names >= {"serve", "triage", "consume", "quarantine", "outbox", "tickets", "accounts"}
    listed = place.command("--help").stdout
    for name in names:
        assert f" {name} " in listed, name


def test_unknown_setting(place: GatewayProcess) -> None:
    """A misspelt setting ends every command with a sentence that offers the right one."""
    place.settings["JIESU_PROT"] = "1"
    assert "JIESU_PROT is not a setting; did you mean JIESU_PORT?" in _refused(place, "serve")


def test_port_in_use(served: Served, tmp_path: Path) -> None:
    """A second gateway on the same port says which settings to change."""
    other = GatewayProcess(tmp_path, JIESU_PORT=str(served.process.port))
    other.settings["JIESU_PORT"] = str(served.process.port)
    other.settings["JIESU_REDIS_URL"] = f"unix://{served.process.folder}/valkey.sock"
    assert "set JIESU_HOST and JIESU_PORT" in _refused(other, "serve")


PLACES = {
    "a database that is away": (
        {"JIESU_DATABASE_URL": "postgresql+asyncpg://nobody@127.0.0.1:1/none"}, ("tickets", "list"),
        "database",
    ),
    "a folder that cannot be": (
        {"JIESU_DATA_DIR": "/proc/none"}, ("tickets", "list"), "data folder",
    ),
    "keys that are not there": ({"JIESU_KEYS": "/none/keys.json"}, ("outbox", "list"),
                                "JIESU_KEYS"),
    "parts that several processes share": (
        {}, ("serve", "--role", "relay"), "a process with only some roles needs",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", PLACES)
def test_what_is_missing(place: GatewayProcess, name: str) -> None:
    """What is not there is told in a sentence with the setting to look at."""
    settings, arguments, words = PLACES[name]
    place.settings |= settings
    assert words in _refused(place, *arguments)


def test_first_account(place: GatewayProcess) -> None:
    """The first account must be an administrator's, and a name is given once."""
    refused = _refused(place, "accounts", "add", "李坐席")
    assert "the first account must be an administrator's" in refused
    token = place.command("accounts", "add", "主管", "--role", "administrator").stdout.strip()
    assert len(token) == 43
    assert "there is an account 主管 already" in _refused(place, "accounts", "add", "主管")


def test_tickets_and_outbox(served: Served) -> None:
    """Tickets are listed, shown, confirmed and seen on their way, by number in any spelling."""
    receipt = served.file("小区门口路灯整条街都不亮,晚上没法走")
    ticket = decided(served, receipt["ticket_id"])
    listed = served.process.command("tickets", "list", "--unconfirmed").stdout
    assert f"{receipt['number']}  awaiting_confirmation  {ticket['tier']}" in listed
    shown = json.loads(served.process.command("tickets", "show", receipt["number"]).stdout)
    # What agents say among themselves, and to the citizen, is the desk's alone.
    assert shown == {name: ticket[name] for name in shown}
    assert set(ticket) - set(shown) == {"claim", "parts", "questions"}
    confirmed = served.process.command(
        "tickets", "confirm", receipt["ticket_id"], "--agent", "值班", "--unit", "gov-services"
    )
    assert f"{receipt['number']} confirmed at version {ticket['version'] + 1}" in confirmed.stdout
    _published(served, receipt["ticket_id"])
    outbox = served.process.command("outbox", "list").stdout
    assert f"{receipt['ticket_id']}  v{ticket['version'] + 1}  {ticket['tier']}" in outbox
    assert "路灯" not in listed + outbox
    consumed = [
        json.loads(line) for line in served.process.command("consume", "--once").stdout.splitlines()
    ]
    assert [item["unit"] for item in consumed if item["ticket_id"] == receipt["ticket_id"]] == [
        "gov-services"
    ]


def _published(served: Served, number: str) -> None:
    deadline = time.monotonic() + 30
    while not served.agent("GET", f"/api/v1/tickets/{number}").document["dispatched_at"]:
        assert time.monotonic() < deadline
        time.sleep(0.1)


def test_unknown_ticket(served: Served) -> None:
    """A number that nobody has is told as such."""
    number = ticket_id(96_000_001, SystemClock().now())
    told = _refused(served.process, "tickets", "confirm", number, "--agent", "a")
    assert f"there is no ticket {number}" in told


def test_unknown_unit(served: Served) -> None:
    """The command refuses what the interface refuses."""
    number = served.file("人行道地砖碎了")["ticket_id"]
    decided(served, number)
    told = _refused(
        served.process, "tickets", "confirm", number, "--agent", "a", "--unit", "atlantis"
    )
    assert "atlantis is no unit's code" in told
