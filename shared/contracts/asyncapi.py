"""The AsyncAPI 3.0 document of all events, made from the contracts, so that it says what the code does."""

from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, version
from typing import Any, Final

from pydantic.json_schema import GenerateJsonSchema, models_json_schema

from shared.contracts.envelope import Event, EventData
from shared.contracts.topology import CONSUMERS, SERVICES

__all__ = ["asyncapi_document", "producer_of"]

# What shared.messaging calls the queue of a consumer; the contracts know no pipe, so a test holds the two together.
_QUEUE: Final = "linli:queue:{consumer}"
_SCHEMAS: Final = "#/components/schemas/"
_PARTNERS_TAG: Final = {"name": "partners", "description": "供合作方订阅。In the catalogue that partners subscribe to."}
_TITLES: Final = {
    "directory": "Linli directory 邻里目录",
    "intake": "Linli intake 诉求受理",
    "matching": "Linli matching 供需对接",
    "ledger": "Linli ledger 资金账本",
}
_DESCRIPTION: Final = """\
各服务之间互通的事件：谁发出、谁接收、带什么内容。格式为 CloudEvents 1.0 结构化 JSON。
The events that the services tell each other, who sends and who receives them, as CloudEvents 1.0 in structured JSON.

**投递 / Delivery**: 事件与业务变更在同一事务中写入发件箱，经 Redis 队列成批投递；可能重复送达，按 `id` 去重；
同一主体的事件按 `sequence` 的顺序生效。
An event is written in the transaction of its change and goes in batches through the consumer's queue in Redis, as arq
jobs `deliver(producer, events)` in JSON. It may arrive more than once and is applied once, by its `id`; the events of
one subject are applied in the order of their `sequence`.

**版本 / Versions**: 类型名以版本结尾，发布后不再更改；接收方应忽略不认识的成员。
A type ends with its version and never changes after its release; receivers ignore members that they do not know.

**隐私 / Privacy**: 事件不含个人信息。Events carry no personal data.
"""
_CHANNEL: Final = "由 {name} 发出，送入各接收方的队列。Sent by {name} into the queue of each consumer."
_ATTRIBUTES: Final = {
    "specversion": "CloudEvents 的版本。The version of CloudEvents.",
    "id": "事件编号（UUIDv7），去重依据。Names the event, for every consumer the same; a UUIDv7.",
    "source": "发出的服务：`/linli/<service>`。The service that tells it: `/linli/<service>`.",
    "type": "事件类型与版本。What happened, and the version of its words.",
    "subject": "所关乎的主体：`类别/编号`。What it happened to: `kind/<id>`.",
    "time": "发生时间（UTC）。When, in UTC.",
    "datacontenttype": "`data` 的格式。The format of `data`.",
    "tenant": "扩展：所属租户。Extension: the tenant whose event it is.",
    "sequence": (
        "扩展：该主体发给该接收方的第几个事件，从 1 起不间断。Extension: counts the events of one subject towards one "
        "consumer, from 1 without a gap."
    ),
    "actor": "扩展：最初的操作者，若有。Extension: who caused it at first, if anybody did.",
    "requestid": "扩展：最初的请求编号，若有。Extension: the request that caused it at first, if any.",
    "traceparent": "扩展：W3C 链路标识，若有。Extension: the trace it belongs to, as in W3C Trace Context, if any.",
}


class _Schema(GenerateJsonSchema):
    """JSON Schema as pydantic writes it, without a title for each field, which would only repeat its name."""

    def field_title_should_be_set(self, schema: Any) -> bool:  # noqa: ANN401, ARG002 - pydantic's signature
        return False


def producer_of(event: type[EventData]) -> str:
    """Return the service that tells this event: the one with which the name of its module of contracts begins."""
    return event.__module__.rpartition(".")[2].partition("_")[0]


def asyncapi_document(examples: Mapping[str, Mapping[str, Any]] | None = None) -> dict[str, Any]:
    """Describe every event, who sends it and who receives it.

    Args:
        examples: a whole event in its JSON form for some or all types, by type.

    Returns:
        The document, ready to be written as JSON, in the same order at every call.
    """
    names, schemas = _data_schemas()
    channels, operations = _channels_and_operations()
    given = examples or {}
    messages = {kind.event_type: _message(kind, names[kind], given.get(kind.event_type)) for kind in CONSUMERS}
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "Linli events 邻里事件",
            "version": _version(),
            "description": _DESCRIPTION,
            "license": {"name": "Apache-2.0"},
        },
        "defaultContentType": "application/cloudevents+json",
        "channels": channels,
        "operations": operations,
        "components": {"messages": messages, "schemas": {"Envelope": _envelope(), **schemas}},
    }


def _version() -> str:
    try:
        return version("linli")
    except PackageNotFoundError:
        # Run from a source tree that nobody installed.
        return "0"


def _data_schemas() -> tuple[dict[type[EventData], str], dict[str, Any]]:
    """Return the reference to the schema of each payload, and the schemas by name."""
    references, definitions = models_json_schema(
        [(kind, "validation") for kind in CONSUMERS], ref_template=_SCHEMAS + "{model}", schema_generator=_Schema
    )
    return {kind: references[kind, "validation"]["$ref"] for kind in CONSUMERS}, definitions["$defs"]


def _envelope() -> dict[str, Any]:
    """Describe the attributes around `data`, as they are written: what has a default is always there and constant,
    what may be missing is never null.
    """
    fields = Event.model_json_schema(schema_generator=_Schema)["properties"]
    attributes = {name: schema for name, schema in fields.items() if name != "data"}
    optional = {name for name, schema in attributes.items() if "anyOf" in schema}
    properties = {}
    for name, schema in attributes.items():
        kept = schema["anyOf"][0] if name in optional else {key: schema[key] for key in schema if key != "default"}
        constant = {"const": schema["default"]} if name not in optional and "default" in schema else {}
        properties[name] = {**kept, **constant, "description": _ATTRIBUTES[name]}
    return {
        "type": "object",
        "title": "Envelope",
        "description": "CloudEvents 1.0 及扩展属性。The attributes of CloudEvents 1.0, and our extensions.",
        "properties": properties,
        "required": [name for name in attributes if name not in optional],
    }


def _message(kind: type[EventData], data: str, example: Mapping[str, Any] | None) -> dict[str, Any]:
    own = {
        "type": "object",
        "properties": {"type": {"const": kind.event_type}, "data": {"$ref": data}},
        "required": ["type", "data"],
    }
    message: dict[str, Any] = {
        "name": kind.event_type,
        "title": kind.__name__,
        "summary": " ".join((kind.__doc__ or "").split()),
        "correlationId": {"location": "$message.payload#/requestid"},
        "payload": {"allOf": [{"$ref": _SCHEMAS + "Envelope"}, own]},
    }
    if kind.partners is not None:
        message["tags"] = [_PARTNERS_TAG]
    if example is not None:
        message["examples"] = [{"name": "golden", "payload": dict(example)}]
    return message


def _channels_and_operations() -> tuple[dict[str, Any], dict[str, Any]]:
    """Lay out a channel from each producer to the queues of its consumers."""
    channels: dict[str, Any] = {}
    operations: dict[str, Any] = {}
    for producer in SERVICES:
        told = [kind for kind in CONSUMERS if producer_of(kind) == producer]
        consumers = [name for name in SERVICES if any(name in CONSUMERS[kind] for kind in told)]
        if told:
            to = {"enum": consumers, "description": "接收方。The service that receives."}
            channels[producer] = {"address": _QUEUE, **_channel(producer, told), "parameters": {"consumer": to}}
            operations[f"{producer}.send"] = _operation("send", producer, told)
        for consumer in consumers:
            received = [kind for kind in told if consumer in CONSUMERS[kind]]
            operations[f"{consumer}.receive.{producer}"] = _operation("receive", producer, received)
    return channels, operations


def _channel(producer: str, kinds: list[type[EventData]]) -> dict[str, Any]:
    return {
        "title": _TITLES[producer],
        "description": _CHANNEL.format(name=producer),
        "messages": {kind.event_type: {"$ref": f"#/components/messages/{kind.event_type}"} for kind in kinds},
    }


def _operation(action: str, channel: str, kinds: list[type[EventData]]) -> dict[str, Any]:
    at = f"#/channels/{channel}"
    return {
        "action": action,
        "channel": {"$ref": at},
        "messages": [{"$ref": f"{at}/messages/{kind.event_type}"} for kind in kinds],
    }
