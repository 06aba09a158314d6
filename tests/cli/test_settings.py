"""Settings that cannot be right are refused at the start, in one sentence each."""

from pathlib import Path

import pytest

from gateway.settings import Settings, SettingsError, read_settings


@pytest.fixture(autouse=True)
def _alone(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Read no `.env` and no settings of whoever runs the tests."""
    monkeypatch.chdir(tmp_path)
    for name in Settings.model_fields:
        monkeypatch.delenv(f"JIESU_{name.upper()}", raising=False)


def test_defaults() -> None:
    """Without any setting the service starts on its defaults."""
    settings = read_settings()
    assert (settings.port, settings.max_text) == (8080, 100_000)
    assert settings.groups == ("dispatch", "handling")


UNKNOWN = {
    "JIESU_PROT": "JIESU_PORT",
    "JIESU_DATABSE_URL": "JIESU_DATABASE_URL",
    "jiesu_max_txt": "JIESU_MAX_TEXT",
}


@pytest.mark.parametrize("name", UNKNOWN)
def test_unknown_setting(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """A setting that does not exist is named, with the one that was probably meant."""
    monkeypatch.setenv(name, "1")
    with pytest.raises(SettingsError) as refused:
        read_settings()
    assert str(refused.value) == f"{name} is not a setting; did you mean {UNKNOWN[name]}?"


def test_unknown_in_file(tmp_path: Path) -> None:
    """The file `.env` is read as strictly as the environment."""
    (tmp_path / ".env").write_text("JIESU_COLOUR=red\n")
    with pytest.raises(SettingsError, match="JIESU_COLOUR is not a setting"):
        read_settings()


def test_environment_goes_before_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A variable wins over the file."""
    (tmp_path / ".env").write_text("JIESU_PORT=1111\nJIESU_MAX_TEXT=5\n")
    monkeypatch.setenv("JIESU_PORT", "2222")
    assert (read_settings().port, read_settings().max_text) == (2222, 5)


BAD = {
    "PORT": ["abc", "70000", "-1", ""],
    "PUBLISH_UNCONFIRMED_AT": ["2", "nan", "-0.1"],
    "UNDO_SECONDS": ["601", "x"],
    "BODY_TIMEOUT": ["0", "-1"],
    "MAX_TEXT": ["0", "1.5"],
    "GROUPS": ["", " , ", "a,a"],
    "WEBHOOK_SECRETS": ["not json", "[]", '{"a": "short"}', '{"a/b": "0123456789abcdef"}',
                        '{"": "0123456789abcdef"}', '{"a": 1}'],
    "WECHAT": ["not json", "[]", "{}",
               '{"app_id": "wx1", "secret": "0123456789abcdef", "token": "has space"}',
               '{"app_id": "wx1", "secret": "0123456789abcdef", "token": "t0k", "aes": "x"}'],
    "WECOM": ['{"corp_id": "ww1", "secret": "0123456789abcdef", "token": "t0k", "agent_id": 1}'],
    "DATABASE_URL": ["mysql://x", "sqlite:///x"],
    "REDIS_URL": ["http://x", "localhost:6379"],
    "LOG_LEVEL": ["loud"],
    "ACKNOWLEDGE_FROM": ["tomorrow"],
}  # fmt: skip


@pytest.mark.parametrize(("name", "value"), [(n, value) for n in BAD for value in BAD[n]])
def test_bad_value(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    """A value that cannot be used is refused by its setting's name, and not repeated."""
    monkeypatch.setenv(f"JIESU_{name}", value)
    with pytest.raises(SettingsError) as refused:
        read_settings()
    assert {line.partition(":")[0] for line in str(refused.value).splitlines()} == {f"JIESU_{name}"}
    assert "0123456789abcdef" not in str(refused.value)


def test_bad_values_together(monkeypatch: pytest.MonkeyPatch) -> None:
    """All bad values are told at once, one line each."""
    monkeypatch.setenv("JIESU_PORT", "abc")
    monkeypatch.setenv("JIESU_MAX_TEXT", "0")
    with pytest.raises(SettingsError) as refused:
        read_settings()
    assert [line.partition(":")[0] for line in str(refused.value).splitlines()] == [
        "JIESU_PORT", "JIESU_MAX_TEXT",
    ]  # fmt: skip


def test_secrets_stay_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is wrong with a secret is told without telling the secret."""
    for value in ('{"a": "short-secret"}', '{"a": "unclosed-secret'):
        monkeypatch.setenv("JIESU_WEBHOOK_SECRETS", value)
        with pytest.raises(SettingsError) as refused:
            read_settings()
        assert "secret" not in str(refused.value).replace("JIESU_WEBHOOK_SECRETS", "").replace(
            '{"name": "secret"}', ""
        ).replace("its secret", "")
