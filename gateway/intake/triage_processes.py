"""Child processes that run the model, so that deciding never blocks the event loop."""

import asyncio
import gc
import multiprocessing
import os
from collections.abc import Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path
from typing import Final

from gateway.children import serve_parent
from gateway.observability.metrics import Metrics
from triage.appeal import Appeal, SourceText
from triage.pipeline import Pipeline

_NICER: Final = 5
_pipeline: Pipeline | None = None


class TriageFailed(Exception):
    """The model could not decide on an appeal, or its process died over it."""


class TriageDied(TriageFailed):
    """The process died, over this appeal or over something else."""


class TriageProcesses:
    """A pool of processes, each with the model loaded; one that dies is replaced."""

    def __init__(
        self,
        models_dir: Path,
        catalogue: dict[str, str],
        admitted_error: float,
        processes: int,
        metrics: Metrics,
    ) -> None:
        self._arguments = (str(models_dir), catalogue, admitted_error)
        self._count = processes
        self._metrics = metrics
        self._pool: ProcessPoolExecutor | None = None

    async def start(self) -> None:
        """Load the model in every process; raise `TriageFailed` where it cannot be loaded."""
        await asyncio.gather(*(self.decide([]) for _ in range(self._count)))

    async def decide(self, appeals: Sequence[Appeal]) -> list[str]:
        """Return a decision's JSON for each appeal; raise `TriageFailed` or `TriageDied`."""
        try:
            return await self._submit(appeals)
        except BrokenProcessPool:
            self._abandon()
            self._metrics.child_restarts.labels("triage").inc()
            raise TriageDied("the triage process died: the model bundle may be broken") from None
        except Exception as error:
            raise TriageFailed(f"triage raised {type(error).__name__}") from None

    async def ping(self) -> None:
        """Raise unless a process answers."""
        await self.decide([])

    def replace_catalogue(self, catalogue: dict[str, str]) -> None:
        """Decide by another catalogue from the next batch on."""
        models_dir, _, admitted_error = self._arguments
        self._arguments = (models_dir, catalogue, admitted_error)
        self._abandon()

    def close(self) -> None:
        """End the processes once they have finished what they do."""
        if self._pool is not None:
            self._pool.shutdown(wait=True, cancel_futures=True)
            self._pool = None

    async def _submit(self, appeals: Sequence[Appeal]) -> list[str]:
        if self._pool is None:
            self._pool = ProcessPoolExecutor(
                self._count,
                mp_context=multiprocessing.get_context("spawn"),
                initializer=_load,
                initargs=self._arguments,
            )
        # As plain tuples, which cross to the child in a fraction of the time.
        texts = [[(item.source, item.text) for item in appeal.texts] for appeal in appeals]
        return await asyncio.wrap_future(self._pool.submit(_decide, texts))

    def _abandon(self) -> None:
        if self._pool is not None:
            self._pool.shutdown(wait=False)
            self._pool = None


def assemble(
    models_dir: Path, catalogue: Mapping[str, str], admitted_error: float = 0.0
) -> Pipeline:
    """Return the pipeline of a bundle and a catalogue's texts.

    `admitted_error` is the share of automatic decisions that may be wrong; 0 allows none.

    Imports what it needs only now, so that a process which never decides stays small. Raises
    `BundleError` and `CatalogueError`.
    """
    from models.bundle import load_bundle
    from triage.classifier.blended import BlendedClassifier
    from triage.taxonomy import parse_catalogue

    classifier = BlendedClassifier(load_bundle(models_dir))
    return Pipeline(parse_catalogue(catalogue), classifier, admitted_error)


def _load(models_dir: str, catalogue: Mapping[str, str], admitted_error: float) -> None:
    """Prepare a child: it ends with its parent and leaves signals to it."""
    global _pipeline  # noqa: PLW0603 - a process of its own, loaded once
    parent = multiprocessing.parent_process()
    # Receipts go first where cores are few: whoever decides has minutes.
    serve_parent(parent.pid if parent and parent.pid else os.getppid(), _NICER)
    _pipeline = assemble(Path(models_dir), catalogue, admitted_error)
    gc.collect()
    gc.freeze()


def _decide(texts: list[list[tuple[str, str]]]) -> list[str]:
    assert _pipeline is not None
    appeals = [Appeal(tuple(SourceText(*item) for item in items)) for items in texts]
    return [decision.model_dump_json() for decision in _pipeline.decide_all(appeals)]
