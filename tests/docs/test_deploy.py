"""`docs/deploy`: units that systemd takes, alerts over metrics that there are."""

import configparser
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
import yaml
from prometheus_client.metrics import MetricWrapperBase

from gateway.clock import SystemClock
from gateway.dispatch.valkey import valkey_binary
from gateway.observability.metrics import Metrics
from gateway.roles import ServeRole
from gateway.settings import PREFIX, Settings
from gateway.tickets.backlog import backlog
from gateway.tickets.database import Database
from tests import servers
from tests.docs.pages import DOCS
from tests.gateway_process import GatewayProcess
from tests.ports import free_port
from triage.decision import Tier

DEPLOY = DOCS / "deploy"
README = DEPLOY / "README.md"
UNITS = sorted(DEPLOY.glob("*.service"))
RULES: list[dict[str, Any]] = yaml.safe_load((DEPLOY / "alerts.yml").read_text())["groups"][0][
    "rules"
]


def service(unit: Path) -> configparser.SectionProxy:
    """Return the section `[Service]` of a unit."""
    parser = configparser.ConfigParser(interpolation=None, delimiters=("=",))
    parser.optionxform = str  # type: ignore[assignment,method-assign]
    parser.read_string(unit.read_text())
    return parser["Service"]


def known_metrics() -> dict[str, set[str]]:
    """Return every name that Prometheus sees, with its labels."""
    suffixes = {"counter": ("_total",), "histogram": ("_bucket", "_count", "_sum"), "gauge": ("",)}
    target = {"job", "instance"}
    found = {"up": target}
    for metric in vars(Metrics()).values():
        if isinstance(metric, MetricWrapperBase):
            labels = {
                *metric._labelnames,
                *target,
                *(["le"] if metric._type == "histogram" else []),
            }
            found |= {metric._name + suffix: labels for suffix in suffixes[str(metric._type)]}
    return found


@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.name)
def test_units_start_a_role_that_there_is_and_stop_in_order(unit: Path) -> None:
    """A unit restarts always, gives the drain its time, and spares the children the signal."""
    section = service(unit)
    role = re.search(r"--role (\w+)", section["ExecStart"])
    assert role is None or role[1] in set(ServeRole)
    assert (section["Restart"], section["KillMode"]) == ("always", "mixed")
    assert int(section["TimeoutStopSec"]) > 20 + 5
    assert section["EnvironmentFile"] == "/etc/jiesu/jiesu.env"
    hardened = {"NoNewPrivileges", "ProtectSystem", "ProtectHome", "PrivateTmp", "SystemCallFilter"}
    assert hardened <= set(section)


def test_there_is_a_unit_for_every_role() -> None:
    """Together the units of single roles are what the one unit is alone."""
    roles = {match[1] for unit in UNITS if (match := re.search(r"--role (\w+)", unit.read_text()))}
    assert roles == set(ServeRole)


def test_systemd_finds_no_fault_in_the_units(tmp_path: Path) -> None:
    """`systemd-analyze verify` has nothing to say of them."""
    analyze = shutil.which("systemd-analyze")
    if analyze is None:
        pytest.skip("no systemd-analyze here: the units are only parsed")
    paths = []
    for unit in UNITS:
        text = unit.read_text().replace("/opt/jiesu/.venv/bin/jiesu", sys.executable)
        path = tmp_path / unit.name.replace("@.", "@8081.")
        path.write_text(text)
        paths.append(str(path))
    done = subprocess.run(
        [analyze, "verify", "--man=no", "--recursive-errors=no", *paths],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    ours = [line for line in done.stderr.splitlines() if "jiesu" in line]
    assert ours == []


def test_the_environment_file_names_settings_that_there_are() -> None:
    """Each line, also one that is commented out, is a setting; the port is left to the units."""
    names = re.findall(r"^#?(JIESU_[A-Z_]+)=", (DEPLOY / "jiesu.env").read_text(), re.MULTILINE)
    known = {PREFIX + name.upper() for name in Settings.model_fields}
    assert set(names) <= known
    assert "JIESU_PORT" not in names
    assert {"JIESU_DATA_DIR", "JIESU_KEYS", "JIESU_DATABASE_URL", "JIESU_REDIS_URL"} <= set(names)


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: str(rule["alert"]))
def test_alerts_ask_for_metrics_and_labels_that_there_are(rule: dict[str, Any]) -> None:
    """Every metric of an expression exists, with every label that it is asked for."""
    known = known_metrics()
    expression = rule["expr"]
    selectors = re.findall(r"\b(jiesu_\w+|up)\b(?:\{([^}]*)\})?", expression)
    assert selectors
    for name, labels in selectors:
        assert name in known
        assert set(re.findall(r"(\w+)\s*=~?", labels)) <= known[name]
    for labels in re.findall(r"by \(([^)]*)\)", expression):
        asked = set(re.findall(r"\w+", labels))
        assert any(asked <= known[name] for name, _ in selectors)
    assert expression.count("(") == expression.count(")")


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: str(rule["alert"]))
def test_alerts_say_what_is_wrong_and_what_to_do(rule: dict[str, Any]) -> None:
    """An alert has a severity, a sentence on what is wrong, and one on what to do."""
    assert rule["labels"]["severity"] in {"critical", "warning"}
    assert rule["annotations"]["summary"]
    assert rule["annotations"]["action"]
    assert set(rule) <= {"alert", "expr", "for", "labels", "annotations"}


async def test_alerts_ask_for_label_values_that_there_are(database: Database) -> None:
    """Queues, states and tiers of the expressions are those that the service tells."""
    async with database.read() as connection:
        queues = set(await backlog(connection, SystemClock().now()))
    asked: dict[str, set[str]] = {}
    for rule in RULES:
        for label, value in re.findall(r'(queue|state|tier)="(\w+)"', rule["expr"]):
            asked.setdefault(label, set()).add(value)
    assert asked["queue"] <= queues
    assert asked["tier"] <= set(Tier)
    assert asked["state"] == {"unpublished", "undelivered"}


def test_the_documented_redis_user_is_enough(gateway: GatewayProcess) -> None:
    """With the rights that the page gives it, the gateway publishes and sweeps."""
    found = re.search(r"user with `([^`]+)` on the keys\s+`([^`]+)`", README.read_text())
    assert found is not None
    port = free_port()
    with servers.short_folder() as folder:
        user = ("--user", "jiesu", "on", ">secret", f"~{found[2]}", *found[1].split())
        server = servers.QueueServer(valkey_binary(), folder, *user, port=port)
        server.start()
        gateway.settings["JIESU_REDIS_URL"] = f"redis://jiesu:secret@127.0.0.1:{port}"
        try:
            gateway.start()
            text = "楼道里有很浓的煤气味,越来越呛人"
            assert gateway.request("POST", "/api/v1/appeals", {"text": text})[0] == 201
            for group in ("dispatch", "handling"):
                assert '"emergency"' in _consumed(gateway, group)
            _wait_until_swept(gateway)
        finally:
            gateway.kill()
            server.kill()


def _consumed(gateway: GatewayProcess, group: str) -> str:
    deadline = time.monotonic() + 60
    while not (read := gateway.command("consume", "--once", "--group", group).stdout):
        assert time.monotonic() < deadline, gateway.log.read_text()[-2000:]
    return read


def _wait_until_swept(gateway: GatewayProcess) -> None:
    deadline = time.monotonic() + 60
    while gateway.command("outbox", "list").stdout:
        assert time.monotonic() < deadline, gateway.log.read_text()[-2000:]
