"""Dead events in people's hands: seen, put back or left out, on record; and what is old goes."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

import httpx
import pytest
import pytest_asyncio

from shared.auth import Role
from shared.contracts import SERVICES, Event
from shared.contracts.intake import CaseClosed, CaseFiled
from shared.db import Database, WriteSession
from shared.ids import new_id
from shared.messaging import Consumers, Inbox, Patience
from shared.messaging.retention import Kept, clear_once
from shared.testing import Callers, Pipe
from tests.conftest import ClientOf
from tests.shared.test_pipe import closed, filed

EVENTS = "/v1/matching-events"
REASON = {"reason": "已修复，重新投递"}


class Poison:
    """A consumer that fails for as long as it is told to."""

    def __init__(self) -> None:
        self.fails = True
        self.applied: list[tuple[str, int]] = []
        self.consumers = Consumers("matching")
        self.consumers.on(CaseFiled)(self.hear)
        self.consumers.on(CaseClosed)(self.hear)

    async def hear(self, session: WriteSession, events: Sequence[Event[Any]]) -> None:
        """Note what is applied, or fail at the first event of a subject."""
        assert session.tenant
        for event in events:
            if self.fails and event.sequence == 1:
                message = "no such partner"
                raise LookupError(message)
            self.applied.append((event.subject, event.sequence))


@pytest.fixture
def poison() -> Poison:
    return Poison()


@pytest.fixture
def keeper(caller: Callers) -> dict[str, str]:
    return caller("matching", (Role.ADMINISTRATOR, "d"))


@pytest_asyncio.fixture(loop_scope="session")
async def dead(poison: Poison, databases: dict[str, Database], tenant: str) -> dict[str, Any]:
    """An event that has died, with a successor that waits for it."""
    inbox = Inbox(databases["matching"], poison.consumers, Patience(attempts=1, first_delay_s=0.001))
    case_id = new_id()
    batch = [_raw(tenant, case_id, sequence) for sequence in (1, 2)]
    await inbox.deliver(batch)
    await inbox.retry_due(tenant)
    return batch[0]


def _raw(tenant: str, case_id: UUID, sequence: int) -> dict[str, Any]:
    data = filed(case_id) if sequence == 1 else closed(case_id)
    return {
        "specversion": "1.0",
        "id": str(new_id()),
        "source": "/linli/intake",
        "type": data.event_type,
        "subject": f"case/{case_id}",
        "sequence": sequence,
        "time": "2026-01-01T00:00:00+00:00",
        "datacontenttype": "application/json",
        "tenant": tenant,
        "data": data.model_dump(mode="json"),
    }


async def _read(http: httpx.AsyncClient, path: str, headers: dict[str, str]) -> Any:
    response = await http.get(path, headers=headers)
    assert response.status_code == 200, response.text
    return response.json()


async def test_a_dead_event_is_listed_with_its_error_and_who_waits_behind_it(
    client: ClientOf, keeper: dict[str, str], dead: dict[str, Any]
) -> None:
    listed = (await _read(client("matching"), EVENTS, keeper))["items"]
    assert [line["id"] for line in listed] == [dead["id"]]
    line = listed[0]
    assert (line["state"], line["attempts"], line["behind"]) == ("dead", 1, 1)
    assert "no such partner" in line["error"]
    whole = await _read(client("matching"), f"{EVENTS}/{dead['id']}", keeper)
    assert (whole["event"], whole["decisions"]) == (dead, [])
    waiting = await _read(client("matching"), f"{EVENTS}?state=waiting", keeper)
    assert [item["sequence"] for item in waiting["items"]] == [2]


async def test_putting_it_back_replays_it_once_and_its_successors_follow(
    client: ClientOf,
    keeper: dict[str, str],
    dead: dict[str, Any],
    poison: Poison,
    databases: dict[str, Database],
    tenant: str,
) -> None:
    poison.fails = False
    path = f"{EVENTS}/{dead['id']}/requeue"
    answer = await client("matching").post(path, json=REASON, headers=keeper)
    assert (answer.status_code, answer.json()["state"], answer.json()["attempts"]) == (200, "failed", 0)
    again = await client("matching").post(path, json=REASON, headers=keeper)
    assert (again.status_code, again.json()["code"]) == (409, "wrong_state")
    inbox = Inbox(databases["matching"], poison.consumers)
    assert await inbox.retry_due(tenant) == 1
    assert await inbox.retry_due(tenant) == 0
    assert poison.applied == [(dead["subject"], 1), (dead["subject"], 2)]
    whole = await _read(client("matching"), f"{EVENTS}/{dead['id']}", keeper)
    assert whole["state"] == "applied"
    assert [(item["decision"], item["reason"]) for item in whole["decisions"]] == [("requeue", REASON["reason"])]
    assert whole["decisions"][0]["actor"].startswith("person/")


async def test_leaving_it_out_lets_its_successors_go_on(
    client: ClientOf,
    keeper: dict[str, str],
    dead: dict[str, Any],
    poison: Poison,
    databases: dict[str, Database],
    tenant: str,
) -> None:
    answer = await client("matching").post(f"{EVENTS}/{dead['id']}/skip", json=REASON, headers=keeper)
    assert (answer.status_code, answer.json()["state"]) == (200, "skipped")
    assert answer.json()["event"] == dead
    inbox = Inbox(databases["matching"], poison.consumers)
    await inbox.retry_due(tenant)
    assert poison.applied == [(dead["subject"], 2)]
    # It may come once more, and is known.
    await inbox.deliver([dead])
    assert poison.applied == [(dead["subject"], 2)]
    skipped = await _read(client("matching"), f"{EVENTS}?state=skipped", keeper)
    assert [item["id"] for item in skipped["items"]] == [dead["id"]]


@pytest.mark.parametrize(
    ("role", "at"), [(Role.ADMINISTRATOR, "d.zone"), (Role.SECRETARY, "d"), (Role.RESIDENT, "d")], ids=str
)
async def test_only_an_administrator_of_the_whole_tenant_decides(
    client: ClientOf, caller: Callers, dead: dict[str, Any], role: Role, at: str
) -> None:
    headers = caller("matching", (role, at))
    for method, path in (("GET", EVENTS), ("POST", f"{EVENTS}/{dead['id']}/requeue")):
        body = REASON if method == "POST" else None
        answer = await client("matching").request(method, path, headers=headers, json=body)
        assert answer.status_code == 403


async def test_bad_input_is_refused(
    client: ClientOf, caller: Callers, keeper: dict[str, str], dead: dict[str, Any]
) -> None:
    http = client("matching")
    for body in ({}, {"reason": ""}, {"reason": "x", "more": 1}):
        answer = await http.post(f"{EVENTS}/{dead['id']}/requeue", json=body, headers=keeper)
        assert answer.status_code == 422
    for path in (f"{EVENTS}/{new_id()}", f"{EVENTS}/{dead['id']}"):
        headers = (
            keeper
            if path.endswith(str(dead["id"])) is False
            else caller("matching", (Role.ADMINISTRATOR, "d"), tenant="elsewhere")
        )
        assert (await http.get(path, headers=headers)).status_code == 404
        assert (await http.post(f"{path}/skip", json=REASON, headers=headers)).status_code == 404
    assert (await http.get(f"{EVENTS}?state=gone", headers=keeper)).status_code == 422


@pytest.mark.parametrize("service", SERVICES)
async def test_every_service_tells_of_its_own(client: ClientOf, caller: Callers, service: str) -> None:
    headers = caller(service, (Role.OPERATOR, "d"))
    found = await _read(client(service), f"/v1/{service}-events", headers)
    assert found == {"items": [], "next_cursor": None}


async def test_what_was_decided_cannot_be_rewritten(
    client: ClientOf, keeper: dict[str, str], dead: dict[str, Any], databases: dict[str, Database], tenant: str
) -> None:
    await client("matching").post(f"{EVENTS}/{dead['id']}/skip", json=REASON, headers=keeper)
    for statement in ("UPDATE matching.inbox_decisions SET reason = 'x'", "DELETE FROM matching.inbox_decisions"):
        with pytest.raises(Exception, match="permission denied"):
            await databases["matching"].one_trip(tenant, statement)


async def test_old_rows_go_and_what_is_owed_or_dead_stays(
    pipe: Pipe,
    poison: Poison,
    databases: dict[str, Database],
    dead: dict[str, Any],
    owner: Any,
    relay_pool: Any,
    tenant: str,
) -> None:
    kept_case, old_case = new_id(), new_id()
    for case_id in (kept_case, old_case):
        await pipe.publish("intake", tenant, f"case/{case_id}", filed(case_id))
    await pipe.rest()
    for statement in (
        "UPDATE intake.outbox SET acked_at = now() - interval '4 days' WHERE subject = $1",
        "UPDATE matching.inbox SET applied_at = now() - interval '15 days' WHERE subject = $1",
    ):
        await owner.execute(statement, f"case/{old_case}")
    await owner.execute(
        "UPDATE matching.inbox SET received_at = now() - interval '1 year' WHERE tenant_id = $1", tenant
    )
    await clear_once(relay_pool, "intake", Kept())
    await clear_once(relay_pool, "matching", Kept())
    sent = await owner.fetch("SELECT subject FROM intake.outbox WHERE tenant_id = $1", tenant)
    assert [row["subject"] for row in sent] == [f"case/{kept_case}"]
    held = await owner.fetch("SELECT subject, state FROM matching.inbox WHERE tenant_id = $1", tenant)
    assert {(row["subject"], row["state"]) for row in held} == {
        (f"case/{kept_case}", "applied"),
        (dead["subject"], "dead"),
        (dead["subject"], "waiting"),
    }
    # An event whose row is gone is still known by its subject.
    poison.fails = False
    await Inbox(databases["matching"], poison.consumers).deliver([_raw(tenant, old_case, 1)])
    assert poison.applied == []
