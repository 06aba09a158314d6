"""Passwords: argon2id, in threads of its own so that neither loop nor memory is taken up by it."""

import asyncio
import base64
import secrets
import unicodedata
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Final, TypeVar

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

T = TypeVar("T")
SHORTEST: Final = 12
LONGEST: Final = 200
_THREADS: Final = 2
"""Each hash takes 64 MiB and tens of milliseconds of every core: no more than so many at once."""


class PasswordRefused(Exception):
    """The password cannot be taken; the message says why."""


class Passwords:
    """Hashes passwords and checks them, at one cost whether there is an account or not."""

    def __init__(self) -> None:
        self._hasher = PasswordHasher()
        self._threads = ThreadPoolExecutor(_THREADS, "argon2")
        self._nobodys = _nobodys(self._hasher)

    async def hash(self, password: str) -> str:
        """Return what is kept of a password; raise `PasswordRefused`."""
        if not SHORTEST <= len(password) <= LONGEST:
            raise PasswordRefused(f"a password has {SHORTEST} to {LONGEST} characters")
        return await self._run(self._hasher.hash, _normal(password))

    async def fits(self, password: str, kept: str | None) -> bool:
        """Return whether it is the password; takes as long where none is kept."""
        fits = await self._run(self._verify, kept or self._nobodys, _normal(password))
        return fits and kept is not None

    def _verify(self, kept: str, password: str) -> bool:
        try:
            return self._hasher.verify(kept, password)
        except (VerificationError, InvalidHashError):
            return False

    async def _run(self, work: Callable[..., T], *arguments: str) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._threads, work, *arguments)


def _normal(password: str) -> str:
    """Return the same password however it was typed: full-width letters are letters."""
    return unicodedata.normalize("NFKC", password)


def _nobodys(hasher: PasswordHasher) -> str:
    """Return a hash that no password has, and that costs as much to check as a real one."""
    salt, tail = (
        base64.b64encode(secrets.token_bytes(size)).decode().rstrip("=")
        for size in (hasher.salt_len, hasher.hash_len)
    )
    costs = f"m={hasher.memory_cost},t={hasher.time_cost},p={hasher.parallelism}"
    return f"$argon2id$v=19${costs}${salt}${tail}"
