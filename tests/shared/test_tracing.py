"""One trace from the request over the event to its effect."""

from collections.abc import Iterator
from typing import Any

import pytest
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from shared import tracing
from shared.auth import Role
from shared.ids import new_id
from shared.testing import Callers, Pipe, Places
from tests.conftest import ClientOf

TRACE = "0af7651916cd43dd8448eb211c80319c"
GIVEN = f"00-{TRACE}-b7ad6b7169203331-01"


@pytest.fixture
def spans() -> Iterator[InMemorySpanExporter]:
    exporter = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    tracing.use_provider(provider)
    yield exporter
    tracing.use_provider(None)


async def _file(client: ClientOf, caller: Callers, places: Places, **headers: str) -> dict[str, Any]:
    area = await places.area("d")
    administrator, resident = caller("intake", (Role.ADMINISTRATOR, "d")), caller("intake", (Role.RESIDENT, "d"))
    kind = {"name_zh": "排水", "name_en": "Drainage", "kind": "hazard"}
    http = client("intake")
    assert (await http.put("/v1/categories/drainage", json=kind, headers=administrator)).is_success
    case = {"category": "drainage", "title": "井盖", "description": "冒水", "area_id": str(area)}
    answer = await http.post("/v1/cases", json=case, headers=resident | headers)
    assert answer.status_code == 201
    filed: dict[str, Any] = answer.json()
    return filed


async def test_request_event_and_effect_are_one_trace(
    client: ClientOf, caller: Callers, places: Places, pipe: Pipe, spans: InMemorySpanExporter
) -> None:
    await _file(client, caller, places, traceparent=GIVEN)
    await pipe.rest()
    mine = {span.name: span for span in spans.get_finished_spans() if f"{span.context.trace_id:032x}" == TRACE}
    assert set(mine) == {"POST /v1/cases", "apply linli.case.filed.v1"}
    request, effect = mine["POST /v1/cases"], mine["apply linli.case.filed.v1"]
    assert effect.parent is not None
    assert effect.parent.span_id == request.context.span_id
    assert request.parent is not None
    assert f"{request.parent.span_id:016x}" == GIVEN.split("-")[2]


async def test_a_request_without_a_trace_begins_one(
    client: ClientOf, caller: Callers, places: Places, pipe: Pipe, spans: InMemorySpanExporter
) -> None:
    await _file(client, caller, places)
    await pipe.rest()
    finished = spans.get_finished_spans()
    request = next(span for span in finished if span.name == "POST /v1/cases")
    effect = next(span for span in finished if span.name == "apply linli.case.filed.v1")
    assert request.parent is None
    assert effect.context.trace_id == request.context.trace_id


async def test_without_tracing_the_given_trace_travels_in_the_event(
    client: ClientOf, caller: Callers, places: Places, owner: Any
) -> None:
    assert not tracing.is_tracing()
    filed = await _file(client, caller, places, traceparent=GIVEN)
    body = await owner.fetchval("SELECT body FROM intake.outbox WHERE subject = $1", f"case/{filed['id']}")
    assert f'"traceparent":"{GIVEN}"' in body.replace('": "', '":"')


@pytest.mark.parametrize("nonsense", ["", "00-xyz", GIVEN.upper(), GIVEN + "-more"])
async def test_a_malformed_trace_is_passed_over(
    client: ClientOf, caller: Callers, places: Places, owner: Any, nonsense: str
) -> None:
    filed = await _file(client, caller, places, traceparent=nonsense)
    body = await owner.fetchval("SELECT body FROM intake.outbox WHERE subject = $1", f"case/{filed['id']}")
    assert "traceparent" not in body


def test_a_collector_without_the_library_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(name: str) -> Any:
        raise ImportError(name)

    monkeypatch.setattr(tracing, "import_module", missing)
    with pytest.raises(RuntimeError, match=r"linli\[otel\]"):
        tracing.configure_tracing(str(new_id()), "http://collector:4318")
    tracing.configure_tracing("quiet", None)
    assert not tracing.is_tracing()
