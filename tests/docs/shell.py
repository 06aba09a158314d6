"""Runs the shell examples of a page against a real gateway, block by block."""

import json
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from tests.docs.pages import Block, assert_same_shape, blocks
from tests.gateway_process import GatewayProcess

_END = "--- end of block ---"
_PRELUDE = f"""
set -euo pipefail
jiesu() {{ {sys.executable} -m gateway.cli "$@"; }}
curl() {{ command curl --noproxy '*' -sS -w '%{{stderr}}http-status %{{http_code}}\\n' "$@"; }}
"""


@dataclass(frozen=True, slots=True)
class Ran:
    """A block, what it printed, the statuses of its requests, and the answer shown below it."""

    block: Block
    output: str
    statuses: list[int]
    told: object


def run_page(page: Path, gateway: GatewayProcess) -> list[Ran]:
    """Run every bash block of the page that is not marked otherwise, in one shell."""
    found = blocks(page)
    wanted = [
        (block, found[number + 1] if number + 1 < len(found) else None)
        for number, block in enumerate(found)
        if block.language == "bash" and block.not_run is None
    ]
    script = _PRELUDE
    for block, _ in wanted:
        body = block.body.replace("localhost:8080", f"127.0.0.1:{gateway.port}")
        script += body.replace(".venv/bin/jiesu", "jiesu") + f"\necho '{_END}'; echo '{_END}' >&2\n"
    done = subprocess.run(
        ["bash", "-c", script],
        env=gateway.environment,
        cwd=gateway.folder,
        capture_output=True,
        text=True,
        timeout=400,
        check=False,
    )
    assert done.returncode == 0, f"{page.name} stops after\n{done.stdout}\n{done.stderr}"
    outputs, errors = done.stdout.split(_END), done.stderr.split(_END)
    ran = []
    for number, (block, below) in enumerate(wanted):
        told = json.loads(below.body) if below and below.language == "json" else None
        statuses = [int(status) for status in re.findall(r"http-status (\d+)", errors[number])]
        ran.append(Ran(block, outputs[number].strip(), statuses, told))
    return ran


def check(ran: list[Ran]) -> None:
    """Assert that every request was answered as shown: 2xx, or the problem's own status."""
    for item in ran:
        expected = 200
        if item.told is not None:
            real = json.loads(item.output)
            assert_same_shape(item.told, real)
            if isinstance(item.told, dict) and "title_zh" in item.told:
                expected = item.told["status"]
                assert real["type"] == item.told["type"]
        for status in item.statuses:
            as_shown = status == expected or (expected == 200 and status // 100 == 2)
            assert as_shown, f"{status} for\n{item.block.body}"
