"""`jiesu accounts` and `jiesu audit`, in this process over a store of their own."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from gateway.cli import application, running
from gateway.settings import Settings, SettingsError


@pytest.fixture(autouse=True)
def folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """Work in an empty folder, with no settings of whoever runs the tests."""
    monkeypatch.chdir(tmp_path)
    for name in Settings.model_fields:
        monkeypatch.delenv(f"JIESU_{name.upper()}", raising=False)
    # The logs of other tests stay theirs.
    monkeypatch.setattr(running, "configure_logs", lambda *_: None)
    _done("accounts", "add", "chief", "--role", "administrator")
    return tmp_path / "var"


def _run(*arguments: str, stdin: str | None = None) -> Result:
    return CliRunner().invoke(application, arguments, input=stdin)


def _done(*arguments: str, stdin: str | None = None) -> str:
    result = _run(*arguments, stdin=stdin)
    assert result.exit_code == 0, (result.output, result.exception)
    return result.stdout


def _refused(*arguments: str, stdin: str | None = None) -> str:
    result = _run(*arguments, stdin=stdin)
    assert isinstance(result.exception, SettingsError), result.output
    return str(result.exception)


def test_accounts_from_the_first_to_the_last_day() -> None:
    """Made, given a password and a second factor, listed, disabled."""
    assert len(_done("accounts", "add", "clerk", "--role", "unit-clerk", "--unit", "gas")) == 44
    _done("accounts", "password", "chief", stdin="a long enough password\n")
    uri = _done("accounts", "totp", "chief")
    assert uri.startswith("otpauth://totp/Jiesu:chief?secret=")
    _done("accounts", "disable", "clerk")
    assert _done("accounts", "list").splitlines() == [
        "chief  administrator  –  token,password,second_factor",
        "clerk  unit-clerk  gas  disabled",
    ]
    assert _done("audit", "verify").startswith("5:")


REFUSED: dict[str, tuple[tuple[str, ...], str | None, str]] = {
    "a unit that is none": (
        ("add", "clerk", "--role", "unit-clerk", "--unit", "atlantis"), None, "atlantis is no unit"
    ),
    "a clerk without unit": (("add", "clerk", "--role", "unit-clerk"), None, "has a unit"),
    "a short password": (("password", "chief"), "short\n", "12 to 200 characters"),
    "no password at all": (("password", "chief"), "", "12 to 200 characters"),
    "a password for nobody": (("password", "x"), "a long enough password\n", "no account x"),
    "a second factor for nobody": (("totp", "x"), None, "there is no account x"),
    "nobody to disable": (("disable", "x"), None, "there is no account x"),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be(name: str) -> None:
    """What is refused is told in a sentence, and changes nothing."""
    arguments, stdin, words = REFUSED[name]
    assert words in _refused("accounts", *arguments, stdin=stdin)
    assert _done("audit", "verify").startswith("1:")


def test_a_broken_log_is_told_with_its_first_broken_entry(folder: Path) -> None:
    """The command ends with 1 and names the entry, whoever asks."""
    _done("accounts", "add", "agent")
    with closing(sqlite3.connect(folder / "jiesu.sqlite3")) as connection, connection:
        connection.execute("DROP TRIGGER audit_refuses_update")
        connection.execute("UPDATE audit SET actor = 'somebody else' WHERE number = 2")
    result = _run("audit", "verify")
    assert result.exit_code == 1
    assert result.stdout == ""
    assert "the audit log is broken: entry 2 is not as it was written" in result.stderr


@pytest.mark.parametrize("known", ["x", "1", ":ab", "-1:ab"])
def test_what_is_known_has_a_form(known: str) -> None:
    """What no run has printed is refused."""
    result = _run("audit", "verify", "--known", known)
    assert result.exit_code == 2
    assert "NUMBER:MAC" in result.output
