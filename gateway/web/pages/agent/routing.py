"""Rows of the route table for pages of the console."""

from gateway.web.route import Access, Handler, Route


def agent_page(path: str, handler: Handler, summary: str, access: Access) -> Route:
    """Return the route of a page; who has not signed in is sent to the sign-in page."""
    return Route("GET", path, handler, summary, access, media_type="text/html")


def agent_form(path: str, handler: Handler, summary: str, access: Access) -> Route:
    """Return the route that takes a form; its handler finds it, checked, in `request[FORM]`."""
    return Route("POST", path, handler, summary, access, status=303, media_type="text/html")
