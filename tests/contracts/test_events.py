"""Events: every version has a golden JSON that must parse for ever, and everybody who should listen does."""

import importlib
import json
import os
from pathlib import Path
from typing import Any

import pytest

from shared.contracts import CONSUMERS, EVENT_TYPES, FOR_PARTNERS, SERVICES, Concerns, Event, EventData, consumers_of
from shared.contracts.intake import CaseFiled, CaseNeedRaised
from shared.contracts.samples import SAMPLE_ID, SAMPLE_TIME, sample_data

GOLDEN = Path(__file__).parent / "golden"
PERSONAL = ("phone", "address", "id_number", "display_name", "description")


def sample(kind: type[EventData]) -> Event[Any]:
    return Event[kind](  # type: ignore[valid-type]
        id=SAMPLE_ID, source="/linli/test", type=kind.event_type, subject=f"thing/{SAMPLE_ID}",
        time=SAMPLE_TIME, tenant="district", sequence=1, actor="person/x", data=sample_data(kind),
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


def test_a_need_that_was_told_before_there_were_points_is_still_understood() -> None:
    golden = json.loads((GOLDEN / "linli.case.need_raised.v1.json").read_text(encoding="utf-8"))
    for name in ("latitude", "longitude"):
        del golden["data"][name]
    parsed = Event[CaseNeedRaised].model_validate(golden)
    assert (parsed.data.latitude, parsed.data.longitude) == (None, None)


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


@pytest.mark.parametrize("kind", FOR_PARTNERS, ids=lambda kind: kind.event_type)
def test_partners_see_members_that_there_are_and_nothing_of_persons(kind: type[EventData]) -> None:
    assert kind.partners is not None
    assert set(kind.partners.shows) <= set(kind.model_fields)
    told = {name: str(kind.model_fields[name].annotation) for name in kind.partners.shows}
    assert not [name for name, of in told.items() if "person" in name or (name.endswith("_by") and "UUID" in of)]
    if kind.partners.concerns is not Concerns.EVERYBODY:
        assert kind.partners.concerns.value in kind.model_fields


def test_no_event_is_told_to_nobody() -> None:
    assert all(CONSUMERS.values())


def test_events_carry_no_personal_data() -> None:
    for kind in CONSUMERS:
        assert not [name for name in kind.model_fields if any(word in name for word in PERSONAL)], kind


def test_the_filing_statement_tells_whom_the_topology_names() -> None:
    assert consumers_of(CaseFiled) == ("matching",)
