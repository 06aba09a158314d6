"""A bell between the parts of one process: work has come, no need to wait for the next look."""

import asyncio

from gateway.clock import Clock


class Bell:
    """Wakes one waiting part; a ring while nobody waits is remembered."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._rung = asyncio.Event()

    def ring(self) -> None:
        """Wake whoever waits, or make the next wait return at once."""
        self._rung.set()

    async def wait(self, seconds: float) -> None:
        """Return when the bell rings, or after that many seconds of the clock."""
        if not self._rung.is_set():
            timer = asyncio.ensure_future(self._clock.sleep(seconds))
            ring = asyncio.ensure_future(self._rung.wait())
            try:
                await asyncio.wait({timer, ring}, return_when=asyncio.FIRST_COMPLETED)
            finally:
                # Not awaited: a cancellation of our own meanwhile would be taken for theirs.
                timer.cancel()
                ring.cancel()
        self._rung.clear()
