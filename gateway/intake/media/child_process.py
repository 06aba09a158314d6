"""The parent's side of the child that decodes media: started at the first, ended when idle."""

import asyncio
import os
import socket
import sys
import tempfile
from collections.abc import AsyncIterator
from contextlib import ExitStack, asynccontextmanager, suppress
from pathlib import Path
from typing import BinaryIO, Final

import structlog
from pydantic import ValidationError

from gateway.clock import Clock
from gateway.intake.attachments.scratch import PIECE_BYTES, in_thread
from gateway.intake.media.findings import Answer, Findings, Note, Unreadable
from gateway.observability.metrics import Metrics

log = structlog.get_logger(__name__)
_LONGEST_LINE: Final = 4 * 1024 * 1024
_ENDS_WITHIN: Final = 5.0
_HEARD_AT_MOST: Final = 1800.0
_INHERITED: Final = ("PATH", "HOME", "LANG", "LC_ALL", "PYTHONPATH", "LD_LIBRARY_PATH", "TMPDIR")
"""All that the child gets of the environment: no setting, and so no secret."""
_SPARING: Final = {
    # However many cores there are: each thread's stack counts as memory of its own.
    "OMP_NUM_THREADS": "2",
    "OPENBLAS_NUM_THREADS": "1",
    "OPENCV_FOR_THREADS_NUM": "2",
    # Large pieces go back to the system when they are freed.
    "MALLOC_ARENA_MAX": "2",
    "MALLOC_MMAP_THRESHOLD_": "1048576",
}


class ChildFailed(Exception):
    """The child died or stumbled over a medium, which may be tried again."""


class MediaChild:
    """Reads one medium at a time in a process of its own."""

    def __init__(
        self,
        scratch: Path,
        speech_model: Path | None,
        clock: Clock,
        metrics: Metrics,
        *,
        idle: float = 60.0,
        limit: float = 180.0,
    ) -> None:
        """It ends after `idle` seconds; a medium may take `limit` seconds, and as long as it lasts.

        Contents lie in the folder `scratch` meanwhile, in files without a name.
        """
        self._scratch = scratch
        self._speech_model = speech_model
        self._clock = clock
        self._metrics = metrics
        self._idle = idle
        self._limit = limit
        self._process: asyncio.subprocess.Process | None = None
        self._control: socket.socket | None = None
        self._ending: asyncio.Task[None] | None = None
        self._alone = asyncio.Lock()

    @property
    def pid(self) -> int | None:
        """The number of the process, None while there is none."""
        return self._process.pid if self._process is not None else None

    @asynccontextmanager
    async def read(
        self, content: AsyncIterator[bytes], media_type: str, transcript: str | None = None
    ) -> AsyncIterator[tuple[Findings, BinaryIO]]:
        """Give what was found, and the open file with what was made from it.

        Raises `Unreadable` where the medium takes too long, `ChildFailed`, `OSError`, and what
        `content` raises.
        """
        async with self._alone:
            self._stay()
            with ExitStack() as stack:
                made: list[BinaryIO] = [stack.enter_context(self._nameless()) for _ in range(3)]
                await in_thread(self._write, made[2], (transcript or "").encode())
                async for chunk in content:
                    await in_thread(made[0].write, chunk)
                await in_thread(made[0].flush)
                try:
                    found = await self._ask(media_type, made)
                except BaseException:
                    await self.close()
                    raise
                await in_thread(made[1].seek, 0)
                yield found, made[1]
            if self._process is not None:
                self._ending = asyncio.create_task(self._end_when_idle(), name="idle media child")

    async def close(self) -> None:
        """End the process at once, whatever it does."""
        self._stay()
        process, self._process = self._process, None
        if self._control is not None:
            self._control.close()
            self._control = None
        if process is not None:
            with suppress(ProcessLookupError):
                process.kill()
            await process.wait()

    def _nameless(self) -> BinaryIO:
        self._scratch.mkdir(mode=0o700, parents=True, exist_ok=True)
        return tempfile.TemporaryFile(dir=self._scratch)

    @staticmethod
    def _write(file: BinaryIO, content: bytes) -> None:
        file.write(content)
        file.flush()

    async def _ask(self, media_type: str, files: list[BinaryIO]) -> Findings:
        process, control = await self._started()
        try:
            socket.send_fds(control, [media_type.encode()], [file.fileno() for file in files])
            async with asyncio.timeout(self._limit) as limit:
                while (answer := await self._answer(process)).findings is None:
                    if answer.failed is not None:
                        raise ChildFailed(answer.failed)
                    longer = self._limit + min(answer.seconds or 0, _HEARD_AT_MOST)
                    limit.reschedule(max(limit.when() or 0, _loop_time() + longer))
                return answer.findings
        except TimeoutError:
            raise Unreadable(Note.TOOK_TOO_LONG) from None
        except OSError:
            raise ChildFailed("the process is gone") from None

    async def _answer(self, process: asyncio.subprocess.Process) -> Answer:
        assert process.stdout is not None
        try:
            line = await process.stdout.readline()
            if line:
                return Answer.model_validate_json(line)
        except (ValueError, ValidationError):
            raise ChildFailed("the process speaks nonsense") from None
        self._metrics.child_restarts.labels("media").inc()
        raise ChildFailed("the process died")

    async def _started(self) -> tuple[asyncio.subprocess.Process, socket.socket]:
        if self._process is not None and self._control is not None:
            if self._process.returncode is None:
                return self._process, self._control
            await self.close()
        ours, theirs = socket.socketpair()
        with theirs:
            model = [str(self._speech_model)] if self._speech_model else []
            self._process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "gateway.intake.media.child", str(os.getpid()), *model),
                stdin=theirs.fileno(),
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.DEVNULL,
                env=_environment(),
                limit=_LONGEST_LINE,
            )
        self._control = ours
        log.info("the media process starts", pid=self._process.pid)
        return self._process, ours

    def _stay(self) -> None:
        if self._ending is not None and self._ending is not asyncio.current_task():
            self._ending.cancel()
        self._ending = None

    async def _end_when_idle(self) -> None:
        await self._clock.sleep(self._idle)
        async with self._alone:
            if self._control is None or self._process is None:
                return
            process = self._process
            self._control.close()  # upon which it ends by itself
            with suppress(TimeoutError):
                async with asyncio.timeout(_ENDS_WITHIN):
                    await process.wait()
            await self.close()
            log.info("the media process has ended, being idle")


def _environment() -> dict[str, str]:
    kept = {name: os.environ[name] for name in _INHERITED if name in os.environ}
    return {**kept, **_SPARING}


def _loop_time() -> float:
    return asyncio.get_running_loop().time()


async def chunks_of(file: BinaryIO) -> AsyncIterator[bytes]:
    """Yield what stands in a file from where it is."""
    while piece := await in_thread(file.read, PIECE_BYTES):
        yield piece
