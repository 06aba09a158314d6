"""`/agent/clusters/{ticket_id}`: the tickets of different people on one matter."""

from collections import Counter

from aiohttp import web

from gateway.accounts.permissions import Permission
from gateway.oversight.search_index import texts_to_search
from gateway.oversight.searching import excerpt
from gateway.repeats.clusters import MOST_SHOWN, read_cluster
from gateway.web.agents import no_such_ticket, ticket_number
from gateway.web.pages.agent.frame import HOME, render_agent
from gateway.web.pages.supervisor.names import names
from gateway.web.pages.supervisor.today_page import TAB
from gateway.web.parts import ACCOUNT, PARTS

_MOST_WORDS = 12


async def show_cluster_page(request: web.Request) -> web.Response:
    """Show the cluster's tickets, the newest first, and what they have in common."""
    cluster = ticket_number(request)
    async with request.app[PARTS].database.read() as connection:
        members, links = await read_cluster(connection, cluster)
        texts = await texts_to_search(connection, [member["ticket_id"] for member in members])
    if not members:
        raise no_such_ticket()
    words: Counter[str] = Counter()
    for link in links:
        words.update([*link["reason"].get("places", []), *link["reason"].get("words", [])])
    context = {
        **names(request),
        "cluster": cluster,
        "members": [
            {**member, "excerpt": excerpt(texts[member["ticket_id"]], [])}
            for member in reversed(members)
        ],
        "most": MOST_SHOWN,
        "words": [word for word, _ in words.most_common(_MOST_WORDS)],
        "tier_counts": Counter(member["tier"] for member in members),
        "unit_counts": Counter(member["unit"] for member in members if member["unit"]),
    }
    supervises = request[ACCOUNT].may(Permission.READ_SUPERVISION)
    return render_agent(
        request, "supervisor_cluster.html", context, tab=TAB if supervises else HOME
    )
