"""How fast triage decides: one appeal at a time, and batches on two processes."""

import asyncio
from collections.abc import Callable
from importlib.resources import files
from pathlib import Path
from typing import Final

from gateway.bench.appeals import compose
from gateway.bench.load import Measured
from gateway.bench.rows import Row
from gateway.clock import Clock
from gateway.intake.triage_processes import TriageProcesses, assemble
from gateway.observability.metrics import Metrics
from models.bundle import shipped_folder
from triage.appeal import Appeal, SourceText
from triage.taxonomy import FILES

_PROCESSES: Final = 2
_BATCH: Final = 64


async def measure_triage(clock: Clock, many: Callable[[int], int]) -> list[Row]:
    """Figures of the shipped bundle, with appeals of 100 to 300 characters."""
    folder = Path(str(shipped_folder()))
    catalogue = _shipped_catalogue()
    before, started = _resident(), clock.monotonic()
    pipeline = assemble(folder, catalogue)
    loading, grown = clock.monotonic() - started, _resident() - before
    appeals = [Appeal((SourceText("text", text),)) for text in compose(many(2_000))]
    spans = []
    for appeal in appeals:
        begun = clock.monotonic()
        pipeline.decide(appeal)
        spans.append(clock.monotonic() - begun)
    single = Measured(latencies=spans, seconds=sum(spans))
    processes = TriageProcesses(folder, catalogue, 0.0, _PROCESSES, Metrics())
    await processes.start()
    batches = [appeals[first : first + _BATCH] for first in range(0, len(appeals), _BATCH)]
    started = clock.monotonic()
    await asyncio.gather(*(processes.decide(batch) for batch in batches))
    together = len(appeals) / (clock.monotonic() - started)
    processes.close()
    return [
        Row("triage: load", f"{loading:.2f} s", "3 s"),
        Row("triage: memory of the model and the catalogue", f"{grown:.0f} MiB", "400 MB"),
        Row(
            "triage: one appeal of about 200 characters, median / p99",
            f"{single.percentile(0.5):.2f} / {single.percentile(0.99):.2f} ms",
            "8 / 25 ms",
        ),
        Row("triage: one process, one by one", f"{single.rate:,.0f} /s"),
        Row(
            f"triage: {_PROCESSES} processes, batches of {_BATCH}",
            f"{together:,.0f} /s",
            "1,000 /s",
        ),
    ]


def _resident() -> float:
    """Memory of this process, in MiB."""
    for line in Path("/proc/self/status").read_text("ascii").splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) / 1024
    return 0.0


def _shipped_catalogue() -> dict[str, str]:
    folder = files("triage") / "taxonomy"
    return {name: (folder / name).read_text(encoding="utf-8") for name in FILES}
