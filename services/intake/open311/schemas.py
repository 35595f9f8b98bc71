"""Shapes: what is asked of the lists, what the documents look like in JSON, and what officers see of a report."""

from datetime import datetime
from typing import Annotated, Any, Final
from uuid import UUID

from pydantic import BaseModel, Field

from shared.web import OutputModel

__all__ = ["DOCUMENTS", "POSTED", "ReportOut", "RequestsQuery"]

Argument = Annotated[str | None, Field(max_length=200)]
Arguments = Annotated[list[Annotated[str, Field(max_length=1_000)]], Field(max_length=20)]


class RequestsQuery(BaseModel):
    """What a list of requests is narrowed to. All are texts: what is wrong with one is told in Open311's own words."""

    service_request_id: Annotated[Arguments, Field(description="By commas; overrides all else 编号")] = Field(
        default_factory=list
    )
    service_code: Annotated[Arguments, Field(description="By commas 分类")] = Field(default_factory=list)
    start_date: Annotated[Argument, Field(description="W3C time; 90 days at the most 起")] = None
    end_date: Annotated[Argument, Field(description="W3C time 止")] = None
    status: Annotated[Arguments, Field(description="open, closed, by commas 状态")] = Field(default_factory=list)
    page: Annotated[Argument, Field(description="From 1 页码")] = None
    page_size: Annotated[Argument, Field(description="1 to 1000, 1000 if left out 每页条数")] = None
    api_key: Annotated[Argument, Field(description="Shows also what was filed with it 密钥")] = None


class ReportOut(OutputModel):
    """What came with a case from another app, beside its words. The address of media is the app's; nobody opened it."""

    case_id: UUID
    filed_by: str
    media_url: str | None
    address_id: str | None
    answers: dict[str, Any]
    received_at: datetime


def _object(mandatory: tuple[str, ...], /, **members: Any) -> dict[str, Any]:  # noqa: ANN401 - JSON Schemas
    return {"type": "object", "required": list(mandatory), "properties": members}


def _array(items: dict[str, Any]) -> dict[str, Any]:
    return {"type": "array", "items": items}


_TEXT: Final = {"type": "string"}
_MAYBE: Final = {"type": ["string", "null"]}
_TIME: Final = {"type": "string", "format": "date-time"}
_MAYBE_TIME: Final = {"type": ["string", "null"], "format": "date-time"}
_DEGREES: Final = {"type": ["number", "null"]}
_FLAG: Final = {"type": "boolean"}
_SERVICE: Final = _object(
    ("service_code", "service_name", "metadata", "type"),
    service_code=_TEXT,
    service_name=_TEXT,
    description=_MAYBE,
    metadata=_FLAG,
    type={"enum": ["realtime", "batch", "blackbox"]},
    keywords=_MAYBE,
    group=_MAYBE,
)
_ATTRIBUTE: Final = _object(
    ("variable", "code", "datatype", "required"),
    variable=_FLAG,
    code=_TEXT,
    datatype={"enum": ["string", "number", "datetime", "text", "singlevaluelist", "multivaluelist"]},
    required=_FLAG,
    datatype_description=_MAYBE,
    order={"type": "integer"},
    description=_MAYBE,
    values=_array(_object(("key", "name"), key=_TEXT, name=_TEXT)),
)
_REQUEST: Final = _object(
    ("service_request_id", "status", "service_code", "requested_datetime"),
    service_request_id=_TEXT,
    status={"enum": ["open", "closed"]},
    status_notes=_MAYBE,
    service_name=_MAYBE,
    service_code=_TEXT,
    description=_MAYBE,
    agency_responsible=_MAYBE,
    service_notice=_MAYBE,
    requested_datetime=_TIME,
    updated_datetime=_MAYBE_TIME,
    expected_datetime=_MAYBE_TIME,
    address=_MAYBE,
    address_id=_MAYBE,
    zipcode=_MAYBE,
    lat=_DEGREES,
    long=_DEGREES,
    media_url=_MAYBE,
)
_ENDPOINT: Final = _object(
    ("specification", "url", "changeset", "type", "formats"),
    specification=_TEXT,
    url=_TEXT,
    changeset=_TEXT,
    type={"enum": ["production", "test"]},
    formats=_array(_TEXT),
)

# The documents in JSON, as JSON Schemas.
DOCUMENTS: Final[dict[str, dict[str, Any]]] = {
    "services": _array(_SERVICE),
    "definition": _object(("service_code", "attributes"), service_code=_TEXT, attributes=_array(_ATTRIBUTE)),
    "posted": _array(
        _object((), service_request_id=_TEXT, token=_TEXT, service_notice=_MAYBE, account_id={"type": "null"})
    ),
    "token": _array(_object(("service_request_id", "token"), service_request_id=_TEXT, token=_TEXT)),
    "requests": _array(_REQUEST),
    "errors": _array(_object(("code", "description"), code={"type": "integer"}, description=_TEXT)),
    "discovery": _object(
        ("changeset", "contact", "key_service", "endpoints"),
        changeset=_TEXT,
        contact=_TEXT,
        key_service=_TEXT,
        endpoints=_array(_ENDPOINT),
    ),
}

_ARGUMENTS: Final = (
    *("api_key", "jurisdiction_id", "service_code", "lat", "long", "address_string", "address_id"),
    *("email", "device_id", "account_id", "first_name", "last_name", "phone", "description", "media_url"),
)
# What is posted, for the API document; `attribute[CODE]` has as many names as there are questions.
POSTED: Final[dict[str, Any]] = _object(("api_key", "service_code"), **dict.fromkeys(_ARGUMENTS, _TEXT))
