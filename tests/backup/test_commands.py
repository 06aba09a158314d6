"""`jiesu backup`, `restore`, `keys rotate` and `migrate` as an operator meets them."""

import asyncio
import json
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any, TypeVar

import pytest

from gateway.accounts.data_keys import StoredDataKeys
from gateway.accounts.keys import KeyFile, KeysError, write_key_file
from gateway.cli import backup as cli_backup
from gateway.cli import keys as cli_keys
from gateway.cli import migrate as cli_migrate
from gateway.cli.backup import backup, restore
from gateway.cli.keys import rotate, rotate_keys
from gateway.cli.migrate import migrate
from gateway.settings import SettingsError
from tests.backup.place import Place, fill, folder_of, place

T = TypeVar("T")


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The data folder of a filled installation with its keys, which the settings name."""
    home = tmp_path / "var"
    write_key_file(home / "keys.json", KeyFile.generate())
    monkeypatch.chdir(tmp_path)
    for module in (cli_backup, cli_keys, cli_migrate):  # the logs of other tests stay theirs
        monkeypatch.setattr(module, "configure_logs", lambda *_: None)
    monkeypatch.setenv("JIESU_DATA_DIR", str(home))
    visit(home, fill)
    return home


def visit(home: Path, work: Callable[[Place], Coroutine[Any, Any, T]]) -> T:
    """Do something with the installation of that folder and close it."""

    async def run() -> T:
        keys = KeyFile.parse((home / "keys.json").read_text())
        async with place(home, None, keys) as here:
            return await work(here)

    return asyncio.run(run())


async def read_message(here: Place) -> str:
    """Return what the first message says."""
    sealed = (await here.rows())["messages"][0]["sealed_text"]
    return (await here.vault.open(sealed, "message/m1/text")).decode()


async def wrapped_under(here: Place) -> set[str]:
    """Return the keys that data keys are wrapped under."""
    return {row.key_id for row in await StoredDataKeys(here.database).load()}


def test_backup_says_that_the_keys_are_left_out(
    home: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Without a name a backup lands in this folder, and the operator hears about the keys."""
    backup()
    (file,) = tmp_path.glob("jiesu-*.tar.gz")
    said = capsys.readouterr().out
    assert file.name in said
    assert "3 tickets, 1 attachments" in said
    assert "keys are NOT in it" in said


def test_restore_brings_another_machine_up(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """With the backup and the keys, another data folder holds the same tickets."""
    backup(tmp_path / "one.tar.gz")
    other = tmp_path / "other"
    monkeypatch.setenv("JIESU_DATA_DIR", str(other))
    write_key_file(other / "keys.json", KeyFile.parse((home / "keys.json").read_text()))
    restore(tmp_path / "one.tar.gz")
    assert "Restored 3 tickets and 1 attachments" in capsys.readouterr().out
    assert visit(other, read_message) == "路灯坏了"


def test_restore_without_keys_makes_none(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On a machine without keys a restore refuses, and leaves nothing behind, new keys least."""
    backup(tmp_path / "one.tar.gz")
    monkeypatch.setenv("JIESU_DATA_DIR", str(tmp_path / "other"))
    with pytest.raises(SettingsError, match="no keys: set JIESU_KEYS"):
        restore(tmp_path / "one.tar.gz")
    assert not (tmp_path / "other").exists()


def test_restore_with_other_keys_refuses(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With keys that do not fit nothing but the keys is in the folder afterwards."""
    backup(tmp_path / "one.tar.gz")
    other = tmp_path / "other"
    monkeypatch.setenv("JIESU_DATA_DIR", str(other))
    write_key_file(other / "keys.json", KeyFile.generate())
    with pytest.raises(SettingsError, match="does not fit"):
        restore(tmp_path / "one.tar.gz")
    assert [path.name for path in other.iterdir()] == ["keys.json"]


def test_rotation_wraps_all_data_keys_anew(home: Path) -> None:
    """After a rotation the data is under a new key, opens, and the file keeps the old key."""
    before = KeyFile.parse((home / "keys.json").read_text())
    rotate()
    after = KeyFile.parse((home / "keys.json").read_text())
    assert after.primary not in before.keys
    assert before.keys.items() < after.keys.items()
    assert visit(home, wrapped_under) == {after.primary}
    assert visit(home, read_message) == "路灯坏了"


def test_an_older_backup_is_restored_after_a_rotation(home: Path, tmp_path: Path) -> None:
    """The rotated key file fits backups that were taken before."""
    backup(tmp_path / "one.tar.gz")
    rotate()
    keys = KeyFile.parse((home / "keys.json").read_text())

    async def run() -> str:
        async with place(folder_of(tmp_path / "other"), None, keys) as here:
            await here.restore(tmp_path / "one.tar.gz")
            return await read_message(here)

    assert asyncio.run(run()) == "路灯坏了"


@pytest.mark.parametrize("moment", ["write_key_file", "wrap_anew"])
def test_a_rotation_that_broke_off_leaves_everything_readable(
    home: Path, monkeypatch: pytest.MonkeyPatch, moment: str
) -> None:
    """Whether it broke off before the file or before the wrapping, the next one succeeds."""

    def crash(*_: Any) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        owner = StoredDataKeys if moment == "wrap_anew" else cli_keys
        patch.setattr(owner, moment, crash)
        with pytest.raises(KeyboardInterrupt):
            rotate()
    assert visit(home, read_message) == "路灯坏了"
    rotate()
    primary = KeyFile.parse((home / "keys.json").read_text()).primary
    assert visit(home, wrapped_under) == {primary}
    assert visit(home, read_message) == "路灯坏了"


def test_keys_in_the_environment_are_printed_to_be_stored(
    home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Where the setting holds the keys, nothing changes until the operator has stored the new."""
    document = (home / "keys.json").read_text()
    monkeypatch.setenv("JIESU_KEYS", document)
    old = KeyFile.parse(document)
    rotate()
    said = capsys.readouterr()
    fresh = KeyFile.parse(said.out)
    assert json.loads(said.out)["primary"] not in old.keys
    assert "store the document above" in said.err
    assert visit(home, wrapped_under) == {old.primary}
    monkeypatch.setenv("JIESU_KEYS", said.out)
    rotate()
    assert "Finished the rotation" in capsys.readouterr().out
    assert visit(home, wrapped_under) == {fresh.primary}


def test_rotation_refuses_keys_that_are_not_in_use(home: Path) -> None:
    """With keys that do not open the data, nothing is written."""

    async def attempt(here: Place) -> None:
        await rotate_keys(StoredDataKeys(here.database), KeyFile.generate(), home / "keys.json")

    before = (home / "keys.json").read_bytes()
    with pytest.raises(KeysError):
        visit(home, attempt)
    assert (home / "keys.json").read_bytes() == before


def test_migrate_tells_what_it_did(
    home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The command names the steps, and a second run has none."""
    monkeypatch.setenv("JIESU_DATA_DIR", str(home / "new"))
    migrate()
    assert "Applied: 0001_initial" in capsys.readouterr().out
    migrate(contract=True)
    assert "nothing to apply" in capsys.readouterr().out


def test_a_broken_file_is_told_in_a_sentence(home: Path, tmp_path: Path) -> None:
    """What is no backup is refused with its name."""
    (tmp_path / "one.tar.gz").write_bytes(b"not a tar")
    with pytest.raises(SettingsError, match=r"one\.tar\.gz cannot be read as a backup"):
        restore(tmp_path / "one.tar.gz")
