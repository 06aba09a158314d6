"""GeoReport's documents as JSON and as XML, by what Open311 calls the Spark convention.

A list stands alone in JSON; in XML it is an element named in the plural, with one element for each
item. Nothing that a citizen wrote goes into any of them.
"""

from collections.abc import Mapping, Sequence
from typing import Final, Literal
from xml.etree import ElementTree as ET

import orjson

Format = Literal["json", "xml"]
MEDIA_TYPES: Final[Mapping[Format, str]] = {"json": "application/json", "xml": "text/xml"}
_ONE_OF: Final = {
    "services": "service",
    "service_requests": "request",
    "attributes": "attribute",
    "values": "value",
    "errors": "error",
    "endpoints": "endpoint",
    "formats": "format",
}
_DECLARATION: Final = b'<?xml version="1.0" encoding="utf-8"?>\n'


def written(name: str, content: object, wanted: Format) -> bytes:
    """Return a document whose root is called `name`, in UTF-8."""
    if wanted == "json":
        return orjson.dumps(content)
    document: bytes = ET.tostring(_element(name, content), encoding="utf-8")
    return _DECLARATION + document


def _element(name: str, content: object) -> ET.Element:
    element = ET.Element(name)
    if isinstance(content, Mapping):
        element.extend(_element(str(key), value) for key, value in content.items())
    elif isinstance(content, Sequence) and not isinstance(content, str):
        element.extend(_element(_ONE_OF[name], item) for item in content)
    elif isinstance(content, bool):
        element.text = str(content).lower()
    elif content is not None:
        element.text = str(content)
    return element
