"""The queue's contract as written down, against the code and a real Valkey."""

import json
import re
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from redis import Redis
from redis.backoff import ConstantBackoff
from redis.exceptions import RedisError
from redis.retry import Retry

from gateway.dispatch.consumer import DEAD, DEAD_FIELDS, FIELDS, STREAMS, Entry, read_entry
from gateway.dispatch.valkey import valkey_binary
from gateway.tickets.document import TicketDocument
from gateway.tickets.numbers import read_ticket_id

DOCS = Path(__file__).parents[2] / "docs"
QUEUE = (DOCS / "queue.md").read_text()


def table_after(heading: str) -> list[list[str]]:
    """Return the cells of the first table after a heading, without its two top rows."""
    lines = QUEUE.partition(f"\n## {heading}\n")[2].splitlines()
    first = next(number for number, line in enumerate(lines) if line.startswith("|"))
    last = next(number for number in range(first, len(lines)) if not lines[number].startswith("|"))
    return [[cell.strip() for cell in line.split("|")[1:-1]] for line in lines[first + 2 : last]]


def example() -> dict[str, str]:
    """Return the documented entry: the table's examples, and the payload below it."""
    fields = {name.strip("`"): value.strip("`") for name, value, _ in table_after("Entries")}
    found = re.search(r"```json\n(.*?)```", QUEUE, re.DOTALL)
    assert found is not None
    return fields | {"payload": found[1]}


def example_entry() -> Entry:
    """Return the documented entry as the library reads it."""
    return read_entry({name.encode(): value.encode() for name, value in example().items()})


def test_the_documented_fields_are_those_of_the_library() -> None:
    """Entries and dead letters have the documented fields, in this order."""
    assert tuple(name.strip("`") for name, *_ in table_after("Entries")) == FIELDS
    assert tuple(name.strip("`") for name, *_ in table_after("Dead letters")) == DEAD_FIELDS


def test_the_documented_streams_are_those_of_the_library() -> None:
    """The streams are listed most urgent first, then the dead."""
    assert tuple(name.strip("`") for name, _ in table_after("Streams")) == (*STREAMS, DEAD)


def test_the_documented_values_are_those_of_the_library() -> None:
    """Each value of `addressed_as` is explained, and no other."""
    rows = QUEUE.partition("**`addressed_as`**")[2].partition("\n## ")[0]
    explained = re.findall(r"^\| `(\w+)` \|", rows, re.MULTILINE)
    assert explained == ["unit", "district_fallback", "duty_desk"]


def test_the_example_entry_is_a_ticket() -> None:
    """The payload fits the ticket's schema, agrees with the fields, and its spans with its text."""
    entry = example_entry()
    ticket = TicketDocument.model_validate_json(entry.payload)
    assert read_ticket_id(entry.ticket_id) == ticket.ticket_id
    assert (entry.version, entry.tier, entry.unit) == (
        ticket.version, ticket.tier, ticket.addressed_unit,
    )  # fmt: skip
    assert (entry.addressed_as, entry.confirmation) == (ticket.addressed_as, ticket.confirmation)
    assert entry.dispatch_due_at == ticket.dispatch_due_at
    assert entry.acknowledge_due_at == ticket.acknowledge_due_at
    assert ticket.decision is not None
    text = ticket.messages[0].text
    quoted = [text[reason.start : reason.end] for reason in ticket.decision.reasons]
    assert quoted == ["停水", "五号楼从昨晚起停水", "海淀区", "中关村街道"]


@pytest.fixture
def valkey(tmp_path: Path) -> Iterator[Path]:
    """The socket of a Valkey of its own."""
    address = tmp_path / "valkey.sock"
    command = [valkey_binary(), "--port", "0", "--unixsocket", str(address), "--save", ""]
    with subprocess.Popen([*command, "--logfile", str(tmp_path / "valkey.log")]) as process:
        yield address
        process.kill()


def test_the_example_consumer_writes_work_orders(valkey: Path, tmp_path: Path) -> None:
    """Run as documented, the example turns an entry into a work order and acknowledges it."""
    patient = Retry(ConstantBackoff(0.05), 400)
    redis = Redis(
        unix_socket_path=str(valkey), retry=patient,
        retry_on_error=[RedisError],
    )  # fmt: skip
    redis.xadd(STREAMS[1], example())  # type: ignore[arg-type]
    database = tmp_path / "work_orders.db"
    script = str(DOCS / "examples" / "dispatch_consumer.py")
    command = [sys.executable, script, str(database), "--redis", f"unix:{valkey}", "--once"]
    ended = subprocess.run(command, check=True, capture_output=True, text=True)
    assert ended.stdout == "1\n"
    rows = sqlite3.connect(database).execute("SELECT * FROM work_orders").fetchall()
    text = json.loads(example()["payload"])["messages"][0]["text"]
    assert rows == [
        ("261123558126895", "water-supply", "unit", "livelihood",
         "2026-11-23T01:50:41.230000+00:00", text, 0),
    ]  # fmt: skip
    assert redis.xpending(STREAMS[1], "dispatch")["pending"] == 0
    redis.close()
