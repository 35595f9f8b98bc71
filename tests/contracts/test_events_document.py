"""The AsyncAPI document of the events: reviewed when it changes, whole, and true to what is sent.

`make snapshots` writes it anew, after the golden events of `test_events`, which are its examples.
"""

import copy
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest
from jsonschema_rs import Draft7Validator
from typer.testing import CliRunner

from services.stack.cli import app
from shared.contracts import CONSUMERS, EVENT_TYPES, FOR_PARTNERS, SERVICES, Event
from shared.contracts.asyncapi import asyncapi_document, producer_of
from shared.messaging import queue_name
from tests.contracts.test_events import GOLDEN

SNAPSHOT = Path(__file__).resolve().parents[2] / "docs" / "asyncapi.json"
OPTIONAL = {"actor", "requestid", "traceparent"}
# The members that AsyncAPI 3.0 knows of each object that we write; the first ones it asks for.
MEMBERS: Final[dict[str, tuple[set[str], set[str]]]] = {
    "document": ({"asyncapi", "info"}, {"id", "servers", "defaultContentType", "channels", "operations", "components"}),
    "info": ({"title", "version"}, {"description", "termsOfService", "contact", "license", "tags", "externalDocs"}),
    "components": (set(), {"schemas", "messages", "channels", "operations", "parameters", "tags"}),
    "channel": (set(), {"address", "messages", "title", "summary", "description", "servers", "parameters", "tags"}),
    "parameter": (set(), {"enum", "default", "description", "examples", "location"}),
    "operation": ({"action", "channel"}, {"title", "summary", "description", "tags", "messages", "traits", "reply"}),
    "message": (set(), {"headers", "payload", "correlationId", "contentType", "name", "title", "summary", "description", "tags", "examples"}),
    "example": (set(), {"headers", "payload", "name", "summary"}),
    "tag": ({"name"}, {"description", "externalDocs"}),
}  # fmt: skip


def golden(name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((GOLDEN / f"{name}.json").read_text(encoding="utf-8"))
    return found


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    return asyncapi_document({name: golden(name) for name in EVENT_TYPES})


def resolve(document: dict[str, Any], reference: str) -> Any:
    assert reference.startswith("#/"), reference
    found: Any = document
    for step in reference[2:].split("/"):
        found = found[step]
    return found


def references(part: Any) -> Iterator[str]:
    if isinstance(part, dict):
        if "$ref" in part:
            yield part["$ref"]
        part = list(part.values())
    for item in part if isinstance(part, list) else []:
        yield from references(item)


def check_members(kind: str, found: dict[str, Any]) -> None:
    asked, known = MEMBERS[kind]
    assert asked <= set(found) <= asked | known, (kind, set(found))
    for tag in found.get("tags", []):
        check_members("tag", tag)


def validator(document: dict[str, Any], name: str) -> Draft7Validator:
    """Read the payload as AsyncAPI 3.0 does by default: as a superset of JSON Schema draft 7."""
    whole = {"allOf": [{"$ref": f"#/components/messages/{name}/payload"}], "components": document["components"]}
    return Draft7Validator(whole, validate_formats=True)


def test_the_document_is_the_reviewed_one(document: dict[str, Any]) -> None:
    written = json.dumps(document, ensure_ascii=False, indent=1) + "\n"
    if os.environ.get("LINLI_WRITE_SNAPSHOTS"):
        SNAPSHOT.write_text(written, encoding="utf-8")
    assert SNAPSHOT.read_text(encoding="utf-8") == written, "reviewed? then: make snapshots"


def test_the_command_prints_it_without_the_examples(document: dict[str, Any]) -> None:
    expected = copy.deepcopy(document)
    for message in expected["components"]["messages"].values():
        del message["examples"]
    done = CliRunner().invoke(app, ["asyncapi"])
    assert done.exit_code == 0
    assert json.loads(done.stdout) == expected


def test_it_has_only_the_members_that_asyncapi_knows(document: dict[str, Any]) -> None:
    assert document["asyncapi"] == "3.0.0"
    for kind in ("info", "components"):
        check_members(kind, document[kind])
    check_members("document", document)
    for channel in document["channels"].values():
        check_members("channel", channel)
        for parameter in channel.get("parameters", {}).values():
            check_members("parameter", parameter)
    for operation in document["operations"].values():
        check_members("operation", operation)
        assert operation["action"] in {"send", "receive"}
    for message in document["components"]["messages"].values():
        check_members("message", message)
        for example in message["examples"]:
            check_members("example", example)


def test_every_reference_leads_somewhere(document: dict[str, Any]) -> None:
    found = set(references(document))
    assert len(found) > len(EVENT_TYPES)
    for reference in found:
        assert isinstance(resolve(document, reference), dict), reference


def test_operations_name_messages_of_their_own_channel(document: dict[str, Any]) -> None:
    for name, operation in document["operations"].items():
        at = operation["channel"]["$ref"]
        assert at.removeprefix("#/channels/") in document["channels"], name
        assert operation["messages"], name
        assert all(item["$ref"].startswith(f"{at}/messages/") for item in operation["messages"]), name


@pytest.mark.parametrize("name", sorted(EVENT_TYPES))
def test_its_schema_takes_the_golden_event_and_nothing_else(document: dict[str, Any], name: str) -> None:
    check = validator(document, name)
    event = golden(name)
    check.validate(event)
    assert document["components"]["messages"][name]["examples"] == [{"name": "golden", "payload": event}]
    for member in event.keys() - OPTIONAL:
        assert not check.is_valid({key: value for key, value in event.items() if key != member}), member
    # A member that was added later has a default: what was sent before it has none.
    for member in (one for one in event["data"] if EVENT_TYPES[name].model_fields[one].is_required()):
        data = {key: value for key, value in event["data"].items() if key != member}
        assert not check.is_valid({**event, "data": data}), member
    for wrong in (
        {"type": "linli.other.v1"},
        {"specversion": "0.3"},
        {"id": 7},
        {"time": "now"},
        {"sequence": "1"},
        {"actor": None},
    ):
        assert not check.is_valid({**event, **wrong}), wrong


def test_the_envelope_describes_every_attribute_of_an_event(document: dict[str, Any]) -> None:
    envelope = document["components"]["schemas"]["Envelope"]
    assert set(envelope["properties"]) == set(Event.model_fields) - {"data"}
    assert set(envelope["properties"]) - set(envelope["required"]) == OPTIONAL


def test_every_event_goes_from_its_producer_to_whom_the_topology_names(document: dict[str, Any]) -> None:
    told: dict[str, set[str]] = {name: set() for name in EVENT_TYPES}
    heard: dict[str, set[str]] = {name: set() for name in EVENT_TYPES}
    for name, operation in document["operations"].items():
        side = told if operation["action"] == "send" else heard
        for item in operation["messages"]:
            side[item["$ref"].rpartition("/")[2]].add(name.partition(".")[0])
    for kind, consumers in CONSUMERS.items():
        assert producer_of(kind) in SERVICES
        assert told[kind.event_type] == {producer_of(kind)}
        assert heard[kind.event_type] == set(consumers)


def test_a_channel_leads_to_the_queues_of_its_consumers(document: dict[str, Any]) -> None:
    for producer in SERVICES:
        channel = document["channels"][producer]
        consumers = {name for kind in CONSUMERS if producer_of(kind) == producer for name in CONSUMERS[kind]}
        assert set(channel["parameters"]["consumer"]["enum"]) == consumers
        for name in consumers:
            assert channel["address"].replace("{consumer}", name) == queue_name(name)


def test_what_partners_subscribe_to_is_marked(document: dict[str, Any]) -> None:
    messages = document["components"]["messages"]
    marked = {name for name in messages if any(tag["name"] == "partners" for tag in messages[name].get("tags", []))}
    assert marked == {kind.event_type for kind in FOR_PARTNERS}
