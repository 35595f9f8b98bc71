"""Events: every version has a golden JSON that must parse for ever, and everybody who should listen does."""

import importlib
import json
import os
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any, Literal, get_args, get_origin
from uuid import UUID

import pytest

from shared.contracts import CONSUMERS, EVENT_TYPES, SERVICES, Event, EventData, consumers_of
from shared.contracts.intake import CaseFiled

GOLDEN = Path(__file__).parent / "golden"
FIXED: dict[Any, Any] = {
    UUID: UUID("01a20000-0000-7000-8000-000000000001"),
    datetime: datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC),
    date: date(2026, 1, 2),
    str: "text",
    int: 7,
    bool: True,
}
PERSONAL = ("phone", "address", "id_number", "display_name", "description")


def value_for(annotation: Any) -> Any:
    if annotation in FIXED:
        return FIXED[annotation]
    if get_origin(annotation) is Literal:
        return get_args(annotation)[0]
    inner = [item for item in get_args(annotation) if item is not type(None)]
    value = value_for(inner[0])
    return [value] if getattr(annotation, "__origin__", None) is list else value


def sample(kind: type[EventData]) -> Event[Any]:
    data = kind(**{name: value_for(field.annotation) for name, field in kind.model_fields.items()})
    return Event[kind](  # type: ignore[valid-type]
        id=FIXED[UUID], source="/linli/test", type=kind.event_type, subject=f"thing/{FIXED[UUID]}",
        time=FIXED[datetime], tenant="district", sequence=1, actor="person/x", data=data,
    )  # fmt: skip


@pytest.mark.parametrize("name", sorted(EVENT_TYPES))
def test_the_golden_event_still_parses(name: str) -> None:
    kind = EVENT_TYPES[name]
    path = GOLDEN / f"{name}.json"
    if os.environ.get("LINLI_WRITE_SNAPSHOTS") and not path.exists():
        path.parent.mkdir(exist_ok=True)
        path.write_text(json.dumps(sample(kind).as_json(), indent=1, sort_keys=True) + "\n", encoding="utf-8")
    golden = json.loads(path.read_text(encoding="utf-8"))
    parsed = Event[kind].model_validate(golden)  # type: ignore[valid-type]
    assert parsed.as_json() == golden
    assert golden["specversion"] == "1.0"
    assert golden["type"] == name


def test_no_golden_event_is_forgotten() -> None:
    assert {path.stem for path in GOLDEN.glob("*.json")} >= set(EVENT_TYPES)


@pytest.mark.parametrize("service", SERVICES)
def test_a_service_hears_exactly_what_the_topology_sends_it(service: str) -> None:
    heard = set(importlib.import_module(f"services.{service}.jobs").consumers.handlers)
    sent = {kind for kind, consumers in CONSUMERS.items() if service in consumers}
    assert heard == sent


def test_every_consumer_has_a_worker() -> None:
    house = importlib.import_module("services.worker.house")
    assert set(house.JOBS) == set(SERVICES)
    assert {name for consumers in CONSUMERS.values() for name in consumers} <= set(house.JOBS)


def test_events_carry_no_personal_data() -> None:
    for kind in CONSUMERS:
        assert not [name for name in kind.model_fields if any(word in name for word in PERSONAL)], kind


def test_the_filing_statement_tells_whom_the_topology_names() -> None:
    assert consumers_of(CaseFiled) == ("matching",)
