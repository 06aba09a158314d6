"""Every shell example of the documentation, run against a gateway with its embedded parts."""

import json

from tests.docs.pages import DOCS, ROOT
from tests.docs.shell import check, run_page
from tests.gateway_process import GatewayProcess

SECRETS = {"district-app": "a secret of thirty-two characters"}
GAS = "朝阳区双井街道柳荫小区3号楼楼道里有很浓的煤气味"


def test_the_readme_files_an_emergency_and_reads_it_off_the_stream(
    gateway: GatewayProcess,
) -> None:
    """The first screen is true: one curl, and the ticket is on the stream at once."""
    gateway.start()
    ran = run_page(ROOT / "README.md", gateway)
    check(ran)
    receipt = json.loads(ran[0].output)
    [line] = ran[1].output.splitlines()
    ticket = json.loads(line)
    assert ticket["ticket_id"] == receipt["ticket_id"]
    assert (ticket["tier"], ticket["unit"], ticket["confirmation"]) == (
        "emergency", "gas", "emergency",
    )  # fmt: skip


def test_the_examples_of_the_api_are_answered_as_shown(gateway: GatewayProcess) -> None:
    """Each request is answered with the documented status and fields."""
    gateway.start()
    ran = run_page(DOCS / "api.md", gateway)
    check(ran)
    assert sum(item.told is not None for item in ran) >= 10


def test_the_example_of_the_webhook_is_accepted(gateway: GatewayProcess) -> None:
    """Signed as documented, a message becomes a ticket; signed otherwise it is refused."""
    gateway.settings["JIESU_WEBHOOK_SECRETS"] = json.dumps(SECRETS)
    gateway.start()
    check(run_page(DOCS / "channels.md", gateway))
    headers = {
        "X-Jiesu-Source": "district-app", "X-Jiesu-Timestamp": "1", "X-Jiesu-Signature": "sha256=0",
    }  # fmt: skip
    assert gateway.request("POST", "/channels/webhook", {}, headers)[0] == 401


def test_the_examples_of_the_commands_run(gateway: GatewayProcess) -> None:
    """Each command does what its section says, over one store, beside the running service."""
    gateway.start()
    receipt = gateway.request("POST", "/api/v1/appeals", {"text": GAS})[1]
    ran = run_page(DOCS / "commands.md", gateway)
    by_command = {item.block.body.split("jiesu ", 1)[1].split("\n")[0]: item for item in ran}
    read = [json.loads(line) for line in by_command["consume --once"].output.splitlines()]
    assert len(read) >= 2  # once for each group, and again if a confirmation was let out meanwhile
    assert {ticket["ticket_id"] for ticket in read} == {receipt["ticket_id"]}
    assert "confirmed at version 4" in by_command['tickets confirm "$TICKET" --agent wang '
                                                  "--unit gas --tier emergency"].output  # fmt: skip
    restored = ran[-1].output
    assert receipt["number"] in restored
