"""Envelope encryption for people's data: key file → data keys → what is sealed.

The key file (`JIESU_KEYS`) holds the key-encryption keys and the index key. Each serving process
seals with a data key of its own, kept wrapped in the database, so that a nonce is a counter and
can never repeat. Rotation adds a key-encryption key and wraps the data keys anew.
"""

import base64
import fcntl
import hashlib
import hmac
import itertools
import json
import os
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol, Self

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from gateway.durable import flush

_FORMAT: Final = 1
_KEY_BYTES: Final = 32
_NONCE_BYTES: Final = 12
_HEADER_BYTES: Final = 1 + 8 + _NONCE_BYTES
SEAL_BYTES: Final = _HEADER_BYTES + 16
"""How much longer sealed content is than the content."""


class KeysError(Exception):
    """The keys are missing, malformed, or do not fit what they should open."""


@dataclass(frozen=True, slots=True)
class KeyFile:
    """The key-encryption keys by id, the one that wraps new data keys, and the index key."""

    primary: str
    keys: dict[str, bytes]
    index: bytes

    @classmethod
    def generate(cls) -> Self:
        """Return a new key file with one key."""
        name = _new_name()
        return cls(name, {name: secrets.token_bytes(_KEY_BYTES)}, secrets.token_bytes(_KEY_BYTES))

    @classmethod
    def parse(cls, document: str) -> Self:
        """Return the key file; raise `KeysError` where it is not one."""
        try:
            fields = json.loads(document)
            keys = {name: base64.b64decode(key) for name, key in fields["keys"].items()}
            found = cls(fields["primary"], keys, base64.b64decode(fields["index"]))
        except (ValueError, KeyError, TypeError, AttributeError):
            raise KeysError("the keys are not a Jiesu key file; see docs/settings.md") from None
        if found.primary not in keys or any(
            len(key) != _KEY_BYTES for key in [*keys.values(), found.index]
        ):
            raise KeysError("the key file names no primary key, or a key is not 32 bytes long")
        return found

    def document(self) -> str:
        """Return the file's JSON."""
        keys = {name: base64.b64encode(key).decode() for name, key in self.keys.items()}
        index = base64.b64encode(self.index).decode()
        return json.dumps(
            {"format": _FORMAT, "primary": self.primary, "keys": keys, "index": index}, indent=1
        )

    def rotated(self) -> Self:
        """Return the file with one key more, which wraps from now on."""
        name = _new_name()
        keys = {**self.keys, name: secrets.token_bytes(_KEY_BYTES)}
        return type(self)(name, keys, self.index)

    def fingerprints(self) -> dict[str, str]:
        """Return what proves possession of each key without telling it, for backups."""
        named = {**self.keys, "index": self.index}
        return {name: _digest(key, b"fingerprint")[:16].hex() for name, key in named.items()}


@dataclass(frozen=True, slots=True)
class WrappedKey:
    """A data key as the database keeps it."""

    number: int
    key_id: str
    wrapped: bytes


class DataKeys(Protocol):
    """Where the wrapped data keys are kept."""

    async def load(self) -> list[WrappedKey]:
        """Return all of them."""
        ...

    async def add(self, key_id: str, wrapped: bytes) -> int:
        """Keep a new one and return its number."""
        ...


class Vault:
    """Seals and opens people's data, and finds numbers by a blind index."""

    def __init__(
        self,
        key_file: KeyFile,
        data_keys: DataKeys,
        read_again: Callable[[], KeyFile] | None = None,
    ) -> None:
        self._key_file = key_file
        self._store = data_keys
        self._read_again = read_again
        self._ciphers: dict[int, AESGCM] = {}
        self._own: int | None = None
        self._nonces = itertools.count()

    async def load(self) -> None:
        """Load the data keys; raise `KeysError` where the key file does not open them."""
        await self._load()

    async def start(self) -> None:
        """Load the data keys and make this process's own; needed before `seal`."""
        await self._load()
        key = secrets.token_bytes(_KEY_BYTES)
        primary = self._key_file.primary
        self._own = await self._store.add(primary, wrap(self._key_file.keys[primary], key))
        self._ciphers[self._own] = AESGCM(key)
        self._nonces = itertools.count()

    def seal(self, content: bytes, context: str) -> bytes:
        """Return the content encrypted and bound to its context, the place where it is kept."""
        if self._own is None:
            raise KeysError("the vault seals only after start()")
        header = bytes([_FORMAT]) + self._own.to_bytes(8, "big")
        nonce = next(self._nonces).to_bytes(_NONCE_BYTES, "big")
        sealed = self._ciphers[self._own].encrypt(nonce, content, context.encode())
        return header + nonce + sealed

    async def open(self, sealed: bytes, context: str) -> bytes:
        """Return the content; raise `KeysError` where key or context do not fit."""
        if len(sealed) < _HEADER_BYTES or sealed[0] != _FORMAT:
            raise KeysError("this was not sealed by Jiesu")
        number = int.from_bytes(sealed[1:9], "big")
        if number not in self._ciphers:
            await self._load()
        cipher = self._ciphers.get(number)
        if cipher is None:
            raise KeysError(f"data key {number} is not in this database")
        try:
            return cipher.decrypt(sealed[9:_HEADER_BYTES], sealed[_HEADER_BYTES:], context.encode())
        except InvalidTag:
            raise KeysError("what was sealed has been changed or moved") from None

    def digest(self, kind: str, value: str) -> bytes:
        """Return the keyed hash by which a value of that kind is found or checked."""
        return _digest(self._key_file.index, f"{kind}\x1f{value}".encode())

    async def _load(self) -> None:
        for row in await self._store.load():
            if row.number in self._ciphers:
                continue
            if row.key_id not in self._key_file.keys and self._read_again is not None:
                # The keys were rotated while this process ran.
                self._key_file = self._read_again()
            self._ciphers[row.number] = AESGCM(unwrap(self._key_file, row))


def wrap(key_encryption_key: bytes, data_key: bytes) -> bytes:
    """Return the data key encrypted under the key-encryption key."""
    nonce = os.urandom(_NONCE_BYTES)
    return nonce + AESGCM(key_encryption_key).encrypt(nonce, data_key, b"data key")


def unwrap(key_file: KeyFile, row: WrappedKey) -> bytes:
    """Return the data key; raise `KeysError` where the key file lacks its key."""
    key = key_file.keys.get(row.key_id)
    if key is None:
        raise KeysError(
            f"the data was sealed under key {row.key_id}, which JIESU_KEYS does not hold: "
            "give the key file that was in use"
        )
    try:
        return AESGCM(key).decrypt(
            row.wrapped[:_NONCE_BYTES], row.wrapped[_NONCE_BYTES:], b"data key"
        )
    except InvalidTag:
        raise KeysError(f"key {row.key_id} in JIESU_KEYS is not the one that was in use") from None


def read_key_file(setting: str | None, data_dir: Path) -> tuple[KeyFile, Path | None]:
    """Return the keys and the file they came from, None where the setting holds them itself.

    Makes `keys.json` (mode 0600) in the data folder where nothing is set. Raises `KeysError`.
    """
    if setting and setting.lstrip().startswith("{"):
        return KeyFile.parse(setting), None
    path = Path(setting) if setting else data_dir / "keys.json"
    if setting and not path.exists():
        raise KeysError(f"JIESU_KEYS names {path}, which does not exist")
    if not path.exists():
        _make_key_file(path)
    return KeyFile.parse(path.read_text()), path


def _make_key_file(path: Path) -> None:
    """Write new keys unless another process that starts just now has done so."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not path.exists():
            write_key_file(path, KeyFile.generate())


def write_key_file(path: Path, key_file: KeyFile) -> None:
    """Replace the file in one step, flushed, readable by its owner only."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_suffix(".new")
    draft.unlink(missing_ok=True)
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(key_file.document() + "\n")
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)
    flush(path.parent)


def _new_name() -> str:
    return f"k-{secrets.token_hex(4)}"


def _digest(key: bytes, content: bytes) -> bytes:
    return hmac.new(key, content, hashlib.sha256).digest()
