"""Commands that need no store, called in this process: triage on texts, and wrong arguments."""

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from gateway.cli import application
from gateway.settings import Settings, SettingsError


@pytest.fixture(autouse=True)
def _place(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Work in an empty folder, with no settings of whoever runs the tests."""
    monkeypatch.chdir(tmp_path)
    for name in Settings.model_fields:
        monkeypatch.delenv(f"JIESU_{name.upper()}", raising=False)


def _refused(*arguments: str) -> str:
    """Run a command that must be refused, and return what it says."""
    result = CliRunner().invoke(application, arguments)
    assert result.exit_code != 0
    if isinstance(result.exception, SettingsError):
        return str(result.exception)
    assert isinstance(result.exception, SystemExit), result.exception
    return " ".join(result.output.replace("│", " ").split())


WRONG: dict[str, tuple[tuple[str, ...], str]] = {
    "a wrong check digit": (("tickets", "show", "261124271828188"), "not a ticket number"),
    "no number at all": (("tickets", "confirm", "x", "--agent", "a"), "not a ticket number"),
    "an unknown status": (("tickets", "list", "--status", "lost"), "awaiting_confirmation"),
    "an unknown command": (("ticket",), "No such command"),
    "a name of two lines": (("accounts", "add", "a\nb"), "printable"),
    "an unknown role": (("accounts", "add", "a", "--role", "king"), "administrator"),
    "triage of nothing": (("triage",), "give one text, or --jsonl"),
    "the ninth of eight": (("triage", "--jsonl", "--shard", "9/8", "/dev/null"), "3/8"),
    "the noughth of eight": (("triage", "--jsonl", "--shard", "0/8", "/dev/null"), "3/8"),
    "half a shard": (("triage", "--jsonl", "--shard", "half", "/dev/null"), "3/8"),
    "a file that is not there": (("triage", "--jsonl", "/none.jsonl"), "/none.jsonl cannot be"),
    "no queue": (("consume", "--once"), "start `jiesu serve`, or set JIESU_REDIS_URL"),
}


@pytest.mark.parametrize("name", WRONG)
def test_wrong_arguments(name: str) -> None:
    """What cannot be right is refused with a sentence that says what would be."""
    arguments, words = WRONG[name]
    assert words in _refused(*arguments)


def test_no_arguments() -> None:
    """`jiesu` alone shows its help."""
    assert "Usage" in CliRunner().invoke(application, []).output


def test_passwords_are_not_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """A queue that is away is named without the password of its URL."""
    monkeypatch.setenv("JIESU_REDIS_URL", "redis://:hidden-password@127.0.0.1:1")
    told = _refused("consume", "--once")
    assert "no Redis at redis://127.0.0.1:1" in told
    assert "hidden-password" not in told


def test_model_that_is_not_there(monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder without a model is named."""
    monkeypatch.setenv("JIESU_MODELS_DIR", "/none")
    assert "/none" in _refused("triage", "停水")


def test_triage_one_text() -> None:
    """One text gives a table with the decision and its reasons."""
    printed = CliRunner().invoke(application, ["triage", "厨房燃气泄漏,味道很大"]).output
    for words in ("emergency", "model", "厨房燃气泄漏"):
        assert words in printed


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


def _jsonl(folder: Path, *arguments: str) -> list[Any]:
    file = folder / "lines.jsonl"
    file.write_bytes(b"\n".join(line for line, _ in LINES) + b"\n")
    result = CliRunner().invoke(application, ["triage", "--jsonl", *arguments, str(file)])
    assert result.exit_code == 0, result.output
    return [json.loads(line) for line in result.stdout.splitlines()]


def test_triage_lines(tmp_path: Path) -> None:
    """Each line has its decision or its error, in the same order, with its id."""
    found = _jsonl(tmp_path)
    assert [item["id"] for item in found] == [identity for _, identity in LINES]
    assert {n for n, item in enumerate(found) if "error" in item} == ERRORS
    assert found[0]["tier"] == "emergency"
    for item in found:
        assert set(item) == {"id", "error"} or {"tier", "unit", "reasons", "model"} <= set(item)


def test_triage_shards(tmp_path: Path) -> None:
    """The shards of a file are every N-th line, and together the whole."""
    whole = _jsonl(tmp_path)
    shards = [_jsonl(tmp_path, "--shard", f"{number}/3") for number in (1, 2, 3)]
    assert [len(shard) for shard in shards] == [4, 4, 4]
    assert [item for group in zip(*shards, strict=True) for item in group] == whole


def test_triage_reads_stdin() -> None:
    """Without a file the lines come from standard input."""
    result = CliRunner().invoke(
        application, ["triage", "--jsonl"], input='{"id": 7, "text": "停水"}\n'
    )
    assert json.loads(result.stdout)["id"] == 7
