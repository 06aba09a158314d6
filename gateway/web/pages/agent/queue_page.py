"""`/agent`: what waits for an agent, what runs out first on top."""

from aiohttp import web

from gateway.web.pages.agent.frame import render_agent


async def show_queue(request: web.Request) -> web.Response:
    """Show the queue."""
    return render_agent(request, "agent_queue.html", {})
