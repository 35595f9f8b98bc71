"""The catalogue of events that partners subscribe to, made from the contracts, and how an event is written for them.

What a partner sees of an event is the same for every partner: the members that its contract shows to them.
"""

from collections.abc import Mapping
from datetime import datetime
from functools import cache
from types import MappingProxyType
from typing import Any, Final
from uuid import UUID

import orjson
from pydantic.json_schema import GenerateJsonSchema

from shared.contracts import FOR_PARTNERS, EventData
from shared.contracts.samples import SAMPLE_ID, SAMPLE_TIME, sample_data

__all__ = ["PARTNER_EVENTS", "event_schema", "render", "sample_body"]

PARTNER_EVENTS: Final[Mapping[str, type[EventData]]] = MappingProxyType(
    {kind.event_type: kind for kind in sorted(FOR_PARTNERS, key=lambda kind: kind.event_type)}
)

_SAMPLE_TENANT: Final = "district"
_ENVELOPE: Final[dict[str, Any]] = {
    "id": {
        "type": "string",
        "format": "uuid",
        "description": "事件编号，与 webhook-id 相同，用于去重。The same as `webhook-id`, however often it is sent.",
    },
    "timestamp": {
        "type": "string",
        "format": "date-time",
        "description": "事件发生时间。When it happened; `webhook-timestamp` is when it was sent.",
    },
    "tenant": {"type": "string", "description": "所属区县。The district or county that it happened in."},
    "test": {
        "type": "boolean",
        "description": "为 true 时是测试消息，内容为样例。True for a test: its data is a sample and means nothing.",
    },
}


class _Schema(GenerateJsonSchema):
    """JSON Schema without a title for each member, which would only repeat its name."""

    def field_title_should_be_set(self, schema: Any) -> bool:  # noqa: ANN401, ARG002 - pydantic's signature
        return False


def _shown(kind: type[EventData]) -> tuple[str, ...]:
    return kind.partners.shows if kind.partners is not None else ()


def render(data: EventData, *, event_id: UUID, at: datetime, tenant: str, is_test: bool = False) -> str:
    """Write an event as partners get it: JSON, byte for byte the same at every attempt."""
    told = data.model_dump(mode="json", include=set(_shown(type(data))))
    body = {
        "id": str(event_id),
        "type": data.event_type,
        "timestamp": at,
        "tenant": tenant,
        "test": is_test,
        "data": {name: told[name] for name in _shown(type(data))},
    }
    return orjson.dumps(body, option=orjson.OPT_UTC_Z).decode()


@cache
def event_schema(event_type: str) -> dict[str, Any]:
    """Return the JSON Schema of an event as partners get it."""
    kind = PARTNER_EVENTS[event_type]
    whole = kind.model_json_schema(schema_generator=_Schema)
    shown = _shown(kind)
    data = {
        "type": "object",
        "properties": {name: whole["properties"][name] for name in shown},
        "required": list(shown),
    }
    properties = {"type": {"const": event_type}, **_ENVELOPE, "data": data}
    schema: dict[str, Any] = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": kind.__name__,
        "type": "object",
        "properties": properties,
        "required": list(properties),
    }
    return schema | ({"$defs": whole["$defs"]} if "$defs" in whole else {})


def sample_body(event_type: str) -> dict[str, Any]:
    """Return a sample of an event as partners get it."""
    data = sample_data(PARTNER_EVENTS[event_type])
    sample: dict[str, Any] = orjson.loads(render(data, event_id=SAMPLE_ID, at=SAMPLE_TIME, tenant=_SAMPLE_TENANT))
    return sample
