"""A media child for each module, and a line of one ticket with the role `media` in it."""

from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass

import pytest
import pytest_asyncio

from gateway.clock import SystemClock
from gateway.intake.media.child_process import MediaChild
from gateway.intake.media.findings import Findings
from gateway.observability.metrics import Metrics
from tests.media.made import speech_model

WORD = "楼道里着火了"


@dataclass(frozen=True, slots=True)
class Read:
    """What the child found, and the file that it made."""

    found: Findings
    made: bytes


Reading = Callable[..., Awaitable[Read]]


async def pieces(content: bytes) -> AsyncIterator[bytes]:
    """Yield the content as an attachment is read."""
    for start in range(0, len(content), 65536):
        yield content[start : start + 65536]


async def read_by(
    child: MediaChild, content: bytes, media_type: str, transcript: str | None = None
) -> Read:
    """Let a child read a medium."""
    async with child.read(pieces(content), media_type, transcript) as (found, made):
        return Read(found, made.read())


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def child(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[MediaChild]:
    """A media child that loads its models only once for all tests of a module."""
    scratch = tmp_path_factory.mktemp("scratch")
    model = speech_model(tmp_path_factory.mktemp("model"), WORD)
    found = MediaChild(scratch, model, SystemClock(), Metrics())
    yield found
    await found.close()
    assert list(scratch.iterdir()) == []


@pytest.fixture
def read(child: MediaChild) -> Reading:
    """Read a medium by the module's child."""

    async def reading(content: bytes, media_type: str, transcript: str | None = None) -> Read:
        return await read_by(child, content, media_type, transcript)

    return reading
