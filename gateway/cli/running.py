"""What the commands share: settings, logs, the foundation, an event loop."""

from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

import uvloop
from sqlalchemy.exc import OperationalError

from gateway.accounts.keys import KeysError
from gateway.foundation import Foundation, foundation
from gateway.observability.logs import configure_logs
from gateway.settings import Settings, SettingsError, read_settings
from gateway.tickets.migrate import MigrationRefused

T = TypeVar("T")


def with_foundation(work: Callable[[Foundation], Awaitable[T]], *, sealing: bool = False) -> T:
    """Run the work on the store of the settings; what an operator can mend is a sentence."""
    settings = read_settings()
    configure_logs("warning", "console")

    async def run() -> T:
        async with foundation(settings, sealing=sealing) as base:
            return await work(base)

    with told_in_a_sentence():
        return uvloop.run(run())


@contextmanager
def told_in_a_sentence(*mendable: type[Exception]) -> Iterator[None]:
    """Turn what an operator can mend, `mendable` included, into a `SettingsError`."""
    told: tuple[type[Exception], ...] = (KeysError, MigrationRefused, *mendable)
    try:
        yield
    except told as error:
        raise SettingsError(str(error)) from None
    except OperationalError as error:
        raise SettingsError(f"the database does not answer: {error.orig}") from None
    except OSError as error:
        raise SettingsError(f"the database or the data folder cannot be used: {error}") from None


def redis_url(settings: Settings) -> str:
    """Return where the streams are: the setting's URL, else the embedded Valkey's socket."""
    if settings.redis_url is not None:
        return settings.redis_url
    return f"unix://{(settings.data_dir / 'valkey.sock').resolve()}"
