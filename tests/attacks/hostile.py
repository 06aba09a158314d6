"""What attackers write: markup with a mark in it, and words that would be SQL."""

from typing import Final

HOSTILE: Final = (
    "\"'><script>window.x55=1</script><img src=x55 onerror=window.x55=1><x55></x55>"
    "<svg/onload=window.x55=1></textarea></title><!--x55-->{{7*7}}${7*7}"
)
"""Markup that breaks out of text, attributes, text areas and titles; under 200 characters."""
PERSON: Final = "\"'><x55 title='name'><script>window.x55=2</script>"
"""The same as a name; not part of the words, out of which names are masked."""
SCRIPT_LINK: Final = "javascript:window.x55=1//https://"
FILE: Final = '"><img src=x55 onerror=window.x55=1>.jpg'
MARKUP_FILES: Final[dict[str, bytes]] = {
    "page.jpg": b"<!doctype html><html><script>window.x55=1</script></html>",
    "drawing.png": b'<svg xmlns="http://www.w3.org/2000/svg" onload="window.x55=1"/>',
    "both.gif": b"GIF89a=1;/*<script>window.x55=1</script>*/",
}
"""Pages and drawings with scripts that are named like pictures."""
SQL: Final = (
    "' OR '1'='1",
    "'; DROP TABLE tickets; --",
    '" OR ""="',
    "1) UNION SELECT name, role, unit FROM accounts --",
    "%' OR 1=1 --",
    "%_\\",
    "x\x00' OR 1=1",
    "\ud800".encode("utf-8", "surrogatepass").decode("latin-1"),
)
TARGETS: Final = (
    "https://evil.example/", "//evil.example/", "/\\evil.example", "\\\\evil.example",
    "/agent/../..//evil.example", "javascript:window.x55=1", "/agent\r\nX-Evil: 1", "https:evil",
    "/agent@evil.example", "/%09/evil.example", "//agent",
)  # fmt: skip
"""Where a redirect must not lead."""
