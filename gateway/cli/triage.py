"""`jiesu triage`: the decision on a text, or on a file of them."""

import sys
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import Annotated, Any, BinaryIO, Final

import orjson
import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from gateway.catalogue import CatalogueFolder
from gateway.clock import SystemClock
from gateway.intake.triage_processes import assemble
from gateway.settings import Settings, read_settings
from models.bundle import BundleError, shipped_folder
from triage.appeal import Appeal, SourceText
from triage.decision import Decision
from triage.facts import FactKind, facts_of
from triage.pipeline import Pipeline
from triage.text.normalise import normalise

_BATCH: Final = 256
_SOURCE: Final = "text"
_COLOURS: Final = {"emergency": "red", "livelihood": "yellow", "general": "green"}


def triage(
    text: Annotated[
        str | None,
        typer.Argument(help="One text to decide on; with --jsonl a file, stdin by default."),
    ] = None,
    jsonl: Annotated[
        bool, typer.Option("--jsonl", help='Read lines `{"id", "text"}`, write one decision each.')
    ] = False,
    shard: Annotated[
        str | None, typer.Option(help="With --jsonl: only every N-th line, as in 3/8.")
    ] = None,
) -> None:
    """Decide on one text, with its reasons in colour, or on a file of them; nothing is stored."""
    if not jsonl and text is None:
        raise typer.BadParameter("give one text, or --jsonl with a file or stdin")
    pipeline = _pipeline(read_settings())
    if not jsonl:
        _show(pipeline.decide(Appeal((SourceText(_SOURCE, text or ""),))), text or "")
        return
    with _opened(text) as stream:
        for line in decide_lines(pipeline, _sharded(stream, shard)):
            sys.stdout.buffer.write(line + b"\n")
        sys.stdout.buffer.flush()


def _opened(path: str | None) -> BinaryIO:
    if path is None or path == "-":
        return sys.stdin.buffer
    try:
        return Path(path).open("rb")
    except OSError as error:
        raise typer.BadParameter(f"{path} cannot be read: {error.strerror}") from None


def decide_lines(pipeline: Pipeline, lines: Iterable[bytes]) -> Iterator[bytes]:
    """Yield a line for each line, in the same order: a decision with its id, or an error."""
    stream = iter(lines)
    while batch := [_read(line) for line in islice(stream, _BATCH)]:
        readable = [item["text"] for item in batch if "text" in item]
        decisions = iter(
            pipeline.decide_all([Appeal((SourceText(_SOURCE, text),)) for text in readable])
        )
        for item in batch:
            if "text" in item:
                decision = next(decisions).model_dump(mode="json")
                yield orjson.dumps({"id": item["id"], **decision})
            else:
                yield orjson.dumps(item)


def _read(line: bytes) -> dict[str, Any]:
    """Return id and text of a line, or id and error."""
    try:
        found = orjson.loads(line)
    except orjson.JSONDecodeError:
        return {"id": None, "error": "not a line of JSON in UTF-8"}
    if not isinstance(found, dict):
        return {"id": None, "error": "not a JSON object"}
    if not isinstance(found.get("text"), str):
        return {"id": found.get("id"), "error": "text: a string is missing"}
    return {"id": found.get("id"), "text": found["text"]}


def _sharded(lines: Iterable[bytes], shard: str | None) -> Iterable[bytes]:
    if shard is None:
        return lines
    number, _, count = shard.partition("/")
    if not (number.isdecimal() and count.isdecimal() and 1 <= int(number) <= int(count)):
        raise typer.BadParameter("--shard: write it as 3/8, the third of eight")
    return islice(lines, int(number) - 1, None, int(count))


def _pipeline(settings: Settings) -> Pipeline:
    folder = CatalogueFolder(
        settings.catalogue, settings.data_dir / "catalogue.last-good", SystemClock()
    )
    texts, _ = folder.load()
    try:
        return assemble(settings.models_dir or shipped_folder(), texts, settings.automatic_error)
    except BundleError as error:
        raise typer.BadParameter(str(error)) from None


def _show(decision: Decision, text: str) -> None:
    console = Console()
    words = Text(text)
    for reason in decision.reasons:
        if reason.source == _SOURCE and reason.end - reason.start < len(text):
            words.stylize("bold reverse", reason.start, reason.end)
    console.print(words)
    table = Table(show_header=False, box=None)
    colour = _COLOURS[decision.tier]
    table.add_row("tier", f"[bold {colour}]{decision.tier}[/]")
    for name in ("kind", "topic", "matter", "route", "unit", "district", "street"):
        table.add_row(name, str(getattr(decision, name) or "–"))
    table.add_row("supporting", ", ".join(decision.supporting_units) or "–")
    table.add_row(
        "candidates",
        "  ".join(f"{item.code} {item.probability:.2f}" for item in decision.candidates),
    )
    table.add_row("unit set", ", ".join(decision.unit_set))
    table.add_row("automatic", str(decision.automatic))
    table.add_row("model", f"{decision.model.name}@{decision.model.version}")
    normal = normalise(text)
    facts = facts_of(normal.text)
    for kind in FactKind:
        spans = [
            normal.original_span(fact.start, fact.end) for fact in facts.told if fact.kind is kind
        ]
        if spans:
            table.add_row(kind, "  ".join(text[start:end] for start, end in spans))
    if facts.now is not None:
        table.add_row("now", str(facts.now))
    console.print(table)
    for reason in decision.reasons:
        console.print(f"[dim]{reason.kind:>7}[/]  {reason.text}", highlight=False)
