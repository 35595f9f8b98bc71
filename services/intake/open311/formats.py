"""The two formats: XML as GeoReport v2 prints it, and JSON as its Spark convention maps that XML.

In the Spark convention an element whose children all repeat one name is an array, and the root's name is dropped; so
one value serves both formats, and only XML needs to know what the children of a list are called. XML is only ever
written here, never read.
"""

import re
from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Final, TypeAlias
from xml.etree.ElementTree import Element, SubElement, tostring

import orjson

__all__ = ["MEDIA_TYPES", "Format", "Root", "Value", "written"]

Value: TypeAlias = "str | int | float | bool | Sequence[Value] | Mapping[str, Value] | None"


class Format(StrEnum):
    """What a path ends with."""

    XML = "xml"
    JSON = "json"


class Root(StrEnum):
    """The root elements."""

    SERVICES = "services"
    DEFINITION = "service_definition"
    REQUESTS = "service_requests"
    ERRORS = "errors"
    DISCOVERY = "discovery"


MEDIA_TYPES: Final = {Format.XML: "text/xml; charset=utf-8", Format.JSON: "application/json; charset=utf-8"}
_DECLARATION: Final = b'<?xml version="1.0" encoding="utf-8"?>\n'
_CHILD_OF: Final = {
    "services": "service",
    "attributes": "attribute",
    "values": "value",
    "service_requests": "request",
    "errors": "error",
    "endpoints": "endpoint",
    "formats": "format",
}
# Everything that is no Char of XML 1.0 (§2.2) and would make the document unreadable, however it is escaped.
_NO_XML: Final = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def written(form: Format, root: Root, value: Value) -> bytes:
    """Write a document in the asked format, in UTF-8."""
    if form is Format.JSON:
        return orjson.dumps(value)
    element = Element(root.value)
    _fill(element, value)
    return _DECLARATION + tostring(element, encoding="unicode").encode()


def _fill(element: Element, value: Value) -> None:
    if isinstance(value, Mapping):
        for name, inner in value.items():
            _fill(SubElement(element, name), inner)
    elif isinstance(value, str):
        element.text = _NO_XML.sub("\ufffd", value) or None
    elif isinstance(value, Sequence):
        for inner in value:
            _fill(SubElement(element, _CHILD_OF[element.tag]), inner)
    elif value is not None:
        element.text = str(value).lower() if isinstance(value, bool) else repr(value)
