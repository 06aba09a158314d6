"""Settings are read once; what cannot be right is refused with a sentence."""

import os
from pathlib import Path

import pytest

from gateway.settings import Settings, SettingsError, read_settings


@pytest.fixture(autouse=True)
def _nothing_set(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No setting comes from where the tests run."""
    monkeypatch.chdir(tmp_path)
    for name in os.environ:
        if name.upper().startswith("JIESU_"):
            monkeypatch.delenv(name)


def test_nothing_need_be_set() -> None:
    """The defaults serve on this machine only, with everything embedded under `var`."""
    settings = read_settings()
    assert (settings.host, settings.port) == ("127.0.0.1", 8080)
    assert settings.groups == ("dispatch", "handling")
    assert settings.publish_unconfirmed_at == 0.9
    assert settings.database == f"sqlite+aiosqlite:///{Path('var').resolve()}/jiesu.sqlite3"
    assert settings.catalogue == Path("var/catalogue")
    assert (settings.redis_url, settings.keys) == (None, None)


def test_the_environment_comes_before_the_file(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """`.env` is read, and what the environment says counts more."""
    (tmp_path / ".env").write_text("JIESU_PORT=9000\nJIESU_GROUPS=a, b\nOTHER=1\n")
    assert (read_settings().port, read_settings().groups) == (9000, ("a", "b"))
    monkeypatch.setenv("JIESU_PORT", "9001")
    assert read_settings().port == 9001


def test_a_setting_that_is_none_is_refused_with_the_one_that_was_meant(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """A slip of the pen is not passed over, wherever it stands."""
    monkeypatch.setenv("JIESU_PROT", "9000")
    with pytest.raises(SettingsError, match="JIESU_PROT is not a setting; did you mean JIESU_PORT"):
        read_settings()
    monkeypatch.delenv("JIESU_PROT")
    (tmp_path / ".env").write_text("JIESU_QQQQ_ZZZZZZ_WWWW=1\n")
    with pytest.raises(
        SettingsError, match=r"JIESU_QQQQ_ZZZZZZ_WWWW is not a setting; see docs/settings\.md"
    ):
        read_settings()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("PORT", "eighty"), ("PORT", "70000"), ("GROUPS", ""), ("GROUPS", "a,a"),
        ("PUBLISH_UNCONFIRMED_AT", "1.1"), ("UNDO_SECONDS", "-1"), ("MAX_TEXT", "0"),
        ("DATABASE_URL", "mysql://host/db"), ("ACKNOWLEDGE_FROM", "yesterday"),
        ("WEBHOOK_SECRETS", '{"source": "short"}'), ("WEBHOOK_SECRETS", "no json"),
        ("TRIAGE_PROCESSES", "0"), ("LOG_LEVEL", "loud"), ("MAIL_ADDRESS", "hotline"),
        ("MAIL_LISTEN", "host:port"), ("MAIL_IMAP", "imap://hotline:short@mail.example/INBOX"),
        ("MAIL_SMTP", "hotline:short@mail.example"),
    ],
)  # fmt: skip
def test_a_value_that_cannot_be_right_is_refused_by_name(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    """The sentence names the setting, and never repeats a value that may be secret."""
    monkeypatch.setenv(f"JIESU_{name}", value)
    with pytest.raises(SettingsError, match=f"JIESU_{name}: ") as refused:
        read_settings()
    assert "short" not in str(refused.value)


def test_mails_are_taken_for_an_address(monkeypatch: pytest.MonkeyPatch) -> None:
    """Who takes mails says for whom; who does not need not say."""
    monkeypatch.setenv("JIESU_MAIL_SMTP", "smtp://127.0.0.1:25")
    assert read_settings().mail_address is None
    monkeypatch.setenv("JIESU_MAIL_LISTEN", "127.0.0.1:25")
    with pytest.raises(SettingsError, match=r"JIESU_MAIL_ADDRESS: .*name the address"):
        read_settings()


def test_everything_that_is_wrong_is_said_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """One line a setting: nobody starts the gateway five times to learn of five faults."""
    monkeypatch.setenv("JIESU_PORT", "eighty")
    monkeypatch.setenv("JIESU_MAX_FILES", "-1")
    with pytest.raises(SettingsError) as refused:
        read_settings()
    assert [line.split(":")[0] for line in str(refused.value).splitlines()] == [
        "JIESU_PORT", "JIESU_MAX_FILES",
    ]  # fmt: skip


def test_every_setting_says_what_it_is_for() -> None:
    """The documentation is made from these descriptions."""
    for name, setting in Settings.model_fields.items():
        assert setting.description, name
