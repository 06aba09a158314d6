"""Envelope encryption: what is sealed opens only here, in its place, with its keys."""

import json
import os
import stat
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gateway.accounts.data_keys import StoredDataKeys
from gateway.accounts.keys import KeyFile, KeysError, Vault, read_key_file, write_key_file
from gateway.tickets.database import Database

CONTEXT = "message/1/text"


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(content=st.binary(max_size=2_000), context=st.text(max_size=40))
async def test_what_is_sealed_opens_as_it_was(vault: Vault, content: bytes, context: str) -> None:
    """Any content comes back unchanged, and none of it is seen in what is kept."""
    sealed = vault.seal(content, context)
    assert await vault.open(sealed, context) == content
    assert len(content) < 8 or content not in sealed


async def test_what_is_sealed_for_one_place_does_not_open_in_another(vault: Vault) -> None:
    """A row's secret copied into another row is refused."""
    sealed = vault.seal(b"13800138000", "message/1/reporter")
    with pytest.raises(KeysError, match="changed or moved"):
        await vault.open(sealed, "message/2/reporter")


async def test_every_changed_bit_is_noticed(vault: Vault) -> None:
    """Header, nonce, content or tag: whatever is changed, nothing comes back."""
    sealed = vault.seal(b"13800138000", CONTEXT)
    for place in range(len(sealed)):
        tampered = bytearray(sealed)
        tampered[place] ^= 1
        with pytest.raises(KeysError):
            await vault.open(bytes(tampered), CONTEXT)
    for short in (b"", sealed[:8], sealed[:-1]):
        with pytest.raises(KeysError):
            await vault.open(short, CONTEXT)


async def test_no_nonce_comes_twice(vault: Vault) -> None:
    """Each sealing has a nonce of its own under the key of its process."""
    seen = {vault.seal(b"same", CONTEXT)[:21] for _ in range(10_000)}
    assert len(seen) == 10_000
    await vault.start()
    assert vault.seal(b"same", CONTEXT)[:21] not in seen


async def test_a_vault_seals_only_after_its_start(database: Database) -> None:
    """Before it has a key of its own it says so."""
    with pytest.raises(KeysError, match="only after start"):
        Vault(KeyFile.generate(), StoredDataKeys(database)).seal(b"", CONTEXT)


async def test_two_processes_read_each_other(database: Database) -> None:
    """Vaults over one database open what the other sealed, whoever started first."""
    key_file = KeyFile.generate()
    first, second = (Vault(key_file, StoredDataKeys(database)) for _ in range(2))
    await first.start()
    await second.start()
    assert await first.open(second.seal(b"two", CONTEXT), CONTEXT) == b"two"
    assert await second.open(first.seal(b"one", CONTEXT), CONTEXT) == b"one"
    assert first.seal(b"", CONTEXT)[:9] != second.seal(b"", CONTEXT)[:9]
    assert first.digest("phone", "1") == second.digest("phone", "1")


async def test_rotated_keys_read_what_was_sealed_before(database: Database) -> None:
    """A new key wraps from now on; old data opens before and after the keys are wrapped anew."""
    old = KeyFile.generate()
    before = Vault(old, StoredDataKeys(database))
    await before.start()
    sealed = before.seal(b"old", CONTEXT)
    rotated = old.rotated()
    during = Vault(rotated, StoredDataKeys(database))
    await during.start()
    assert await during.open(sealed, CONTEXT) == b"old"
    assert await StoredDataKeys(database).wrap_anew(rotated) == 2
    only_new = KeyFile(rotated.primary, {rotated.primary: rotated.keys[rotated.primary]}, old.index)
    after = Vault(only_new, StoredDataKeys(database))
    await after.start()
    assert await after.open(sealed, CONTEXT) == b"old"
    assert after.digest("phone", "1") == before.digest("phone", "1")


async def test_keys_that_do_not_fit_the_data_are_named(database: Database) -> None:
    """Without the key that wrapped, or with another of its name, the start says which."""
    right = KeyFile.generate()
    await Vault(right, StoredDataKeys(database)).start()
    with pytest.raises(KeysError, match=right.primary):
        await Vault(KeyFile.generate(), StoredDataKeys(database)).start()
    impostor = KeyFile(right.primary, {right.primary: os.urandom(32)}, right.index)
    with pytest.raises(KeysError, match="not the one that was in use"):
        await Vault(impostor, StoredDataKeys(database)).start()


async def test_the_blind_index_tells_kinds_apart(vault: Vault) -> None:
    """Equal values are found again, other values or kinds are not, and none can be read off."""
    digest = vault.digest("phone", "13800138000")
    assert digest == vault.digest("phone", "13800138000")
    assert digest not in {vault.digest("identity", "13800138000"), vault.digest("phone", "1")}
    assert len(digest) == 32


def test_without_keys_a_file_is_made_that_only_its_owner_reads(tmp_path: Path) -> None:
    """`keys.json` is made once, mode 0600, and read from then on."""
    made, path = read_key_file(None, tmp_path)
    assert path == tmp_path / "keys.json"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert read_key_file(None, tmp_path)[0] == made
    write_key_file(path, made.rotated())
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert not list(tmp_path.glob("*.new"))


def test_keys_are_given_as_a_path_or_as_they_are(tmp_path: Path) -> None:
    """`JIESU_KEYS` is the file's path, or its JSON."""
    key_file = KeyFile.generate()
    write_key_file(tmp_path / "elsewhere.json", key_file)
    assert read_key_file(str(tmp_path / "elsewhere.json"), tmp_path)[0] == key_file
    assert read_key_file(f" {key_file.document()}", tmp_path) == (key_file, None)
    with pytest.raises(KeysError, match=r"missing\.json, which does not exist"):
        read_key_file(str(tmp_path / "missing.json"), tmp_path)


@pytest.mark.parametrize(
    "change",
    [{"keys": {}}, {"keys": {"k": "c2hvcnQ="}}, {"primary": "other"}, {"index": 7}, {"keys": []}],
)
def test_a_key_file_that_is_none_says_so(change: dict[str, object]) -> None:
    """A file without its parts, or with short keys, is refused in a sentence without the keys."""
    document = json.loads(KeyFile.generate().document()) | change
    with pytest.raises(KeysError, match="key") as refused:
        KeyFile.parse(json.dumps(document))
    assert "c2hvcnQ" not in str(refused.value)
    with pytest.raises(KeysError, match="not a Jiesu key file"):
        KeyFile.parse("[not json")


def test_fingerprints_tell_keys_apart_without_telling_them() -> None:
    """A backup knows which keys it needs, and holds none."""
    key_file = KeyFile.generate().rotated()
    prints = key_file.fingerprints()
    assert set(prints) == {*key_file.keys, "index"}
    assert len(set(prints.values())) == 3
    assert KeyFile.parse(key_file.document()).fingerprints() == prints
