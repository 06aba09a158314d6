"""The commands as operators run them: what they print, and sentences instead of tracebacks."""

import json
import time
from collections.abc import Iterator
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

import pytest

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
    """`jiesu --help` names every command that is installed, and so does `jiesu` alone."""
    names = {point.name for point in entry_points(group="jiesu.commands")}
    assert names >= {"serve", "triage", "consume", "quarantine", "outbox", "tickets", "accounts"}
    listed = place.command("--help").stdout
    for name in names:
        assert f" {name} " in listed, name
    assert "Usage" in place.command(check=False).stdout


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
    "a model that is not there": ({"JIESU_MODELS_DIR": "/none"}, ("triage", "停水"), "/none"),
    "no queue": ({}, ("consume", "--once"), "start `jiesu serve`, or set JIESU_REDIS_URL"),
    "a queue that is away": (
        {"JIESU_REDIS_URL": "redis://:hidden-password@127.0.0.1:1"}, ("consume", "--once"),
        "no Redis at redis://127.0.0.1:1",
    ),
    "a role without a queue": ({}, ("serve", "--role", "relay"), "JIESU_REDIS_URL"),
}  # fmt: skip


@pytest.mark.parametrize("name", PLACES)
def test_what_is_missing(place: GatewayProcess, name: str) -> None:
    """What is not there is told in a sentence with the setting to look at, without passwords."""
    settings, arguments, words = PLACES[name]
    place.settings |= settings
    told = _refused(place, *arguments)
    assert words in told
    assert "hidden-password" not in told


def test_first_account(place: GatewayProcess) -> None:
    """The first account must be an administrator's; a name is given once; tokens differ."""
    refused = _refused(place, "accounts", "add", "李坐席")
    assert "the first account must be an administrator's" in refused
    first = place.command("accounts", "add", "主管", "--role", "administrator").stdout.strip()
    second = place.command("accounts", "add", "李坐席").stdout.strip()
    assert len(first) == len(second) == 43
    assert first != second
    assert "there is an account 李坐席 already" in _refused(place, "accounts", "add", "李坐席")


def test_tickets_and_outbox(served: Served) -> None:
    """Tickets are listed, shown, confirmed and seen on their way, by number in any spelling."""
    receipt = served.file("小区门口路灯整条街都不亮,晚上没法走")
    ticket = decided(served, receipt["ticket_id"])
    listed = served.process.command("tickets", "list", "--unconfirmed").stdout
    assert f"{receipt['number']}  awaiting_confirmation  {ticket['tier']}" in listed
    shown = json.loads(served.process.command("tickets", "show", receipt["number"]).stdout)
    assert shown == ticket
    confirmed = served.process.command(
        "tickets", "confirm", receipt["ticket_id"], "--agent", "值班", "--unit", "gov-services"
    )
    assert f"{receipt['number']} confirmed at version {ticket['version'] + 1}" in confirmed.stdout
    _published(served, receipt["ticket_id"])
    outbox = served.process.command("outbox", "list").stdout
    assert f"{receipt['ticket_id']}  v{ticket['version'] + 1}  {ticket['tier']}" in outbox
    assert "路灯" not in listed + outbox
    consumed = [
        json.loads(line)
        for line in served.process.command("consume", "--once").stdout.splitlines()
    ]
    assert [item["unit"] for item in consumed if item["ticket_id"] == receipt["ticket_id"]] == [
        "gov-services"
    ]


def _published(served: Served, number: str) -> None:
    deadline = time.monotonic() + 30
    while not served.agent("GET", f"/api/v1/tickets/{number}").document["dispatched_at"]:
        assert time.monotonic() < deadline
        time.sleep(0.1)


WRONG: dict[str, tuple[tuple[str, ...], str]] = {
    "a wrong check digit": (("tickets", "show", "261124271828188"), "not a ticket number"),
    "an unknown ticket": (("tickets", "show", "261124271828187"), "there is no ticket"),
    "confirming an unknown one": (
        ("tickets", "confirm", "261124271828187", "--agent", "a"), "there is no ticket",
    ),
    "an unknown status": (("tickets", "list", "--status", "lost"), "awaiting_confirmation"),
    "an unknown command": (("ticket",), "No such command"),
    "a name of two lines": (("accounts", "add", "a\nb"), "printable"),
    "an unknown role": (("accounts", "add", "a", "--role", "king"), "administrator"),
    "a group that nobody configured": (("consume", "--once", "--group", "nobody"), "nobody"),
}  # fmt: skip


@pytest.mark.parametrize("name", WRONG)
def test_wrong_arguments(served: Served, name: str) -> None:
    """Arguments that cannot be right are refused with a sentence."""
    arguments, words = WRONG[name]
    assert words in _refused(served.process, *arguments)


def test_unknown_unit(served: Served) -> None:
    """The command refuses what the interface refuses."""
    number = served.file("人行道地砖碎了")["ticket_id"]
    decided(served, number)
    told = _refused(
        served.process, "tickets", "confirm", number, "--agent", "a", "--unit", "atlantis"
    )
    assert "atlantis is no unit's code" in told


def test_triage_one_text(place: GatewayProcess) -> None:
    """One text gives a table with the decision and its reasons; without text there is a hint."""
    printed = place.command("triage", "厨房燃气泄漏,味道很大").stdout
    assert "emergency" in printed
    assert "model" in printed
    assert "give one text, or --jsonl" in _refused(place, "triage")


LINES: list[tuple[bytes, Any]] = [
    ('{"id": "a", "text": "厨房燃气泄漏,味道很大"}'.encode(), "a"),
    (b"not json", None),
    ('{"id": 2, "text": "路灯不亮"}'.encode(), 2),
    (b'{"id": "no text"}', "no text"),
    (b'{"id": "a number", "text": 5}', "a number"),
    (b'["id", "text"]', None),
    (b"", None),
    (rb'{"id": "surrogate", "text": "\ud800"}', None),
    ('{"id": "gbk", "text": "楼下路灯"}'.encode("gbk"), None),
    (b'{"id": "blank", "text": ""}', "blank"),
    ('{"text": "没有编号"}'.encode(), None),
    ('{"id": "last", "text": "暖气不热", "more": 1}'.encode(), "last"),
]
ERRORS = {1, 3, 4, 5, 6, 7, 8}


def _jsonl(place: GatewayProcess, *arguments: str) -> list[Any]:
    file = place.folder / "lines.jsonl"
    file.write_bytes(b"\n".join(line for line, _ in LINES) + b"\n")
    printed = place.command("triage", "--jsonl", *arguments, str(file)).stdout
    return [json.loads(line) for line in printed.splitlines()]


def test_triage_lines(place: GatewayProcess) -> None:
    """Each line has its decision or its error, in the same order, with its id."""
    found = _jsonl(place)
    assert [item["id"] for item in found] == [identity for _, identity in LINES]
    assert {n for n, item in enumerate(found) if "error" in item} == ERRORS
    assert found[0]["tier"] == "emergency"
    for item in found:
        assert set(item) == {"id", "error"} or {"tier", "unit", "reasons", "model"} <= set(item)


def test_triage_shards(place: GatewayProcess) -> None:
    """The shards of a file are every N-th line, and together the whole."""
    whole = _jsonl(place)
    shards = [_jsonl(place, "--shard", f"{number}/3") for number in (1, 2, 3)]
    assert [len(shard) for shard in shards] == [4, 4, 4]
    assert [item for group in zip(*shards, strict=True) for item in group] == whole


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--shard", "9/8", "/dev/null"), "3/8"),
        (("--shard", "0/8", "/dev/null"), "3/8"),
        (("--shard", "half", "/dev/null"), "3/8"),
        (("/none.jsonl",), "/none.jsonl cannot be read"),
    ],
)
def test_triage_wrongly(place: GatewayProcess, arguments: tuple[str, ...], words: str) -> None:
    """A shard that is none, and a file that is not there, are refused with a sentence."""
    assert words in _refused(place, "triage", "--jsonl", *arguments)
