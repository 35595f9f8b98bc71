"""A dispute about a parking place, and everybody who sits at the table."""

from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from uuid import UUID

import httpx

from shared.auth import Role
from shared.clock import today
from shared.ids import new_id
from tests.intake.conftest import GRID, NORTH, Headers, Street, due_in, picture

Json = dict[str, Any]


@dataclass
class Table:
    """The parties of a dispute and who mediates it; the third party has no account."""

    street: Street
    other_id: UUID = field(default_factory=new_id)
    mediator_id: UUID = field(default_factory=new_id)
    officer_id: UUID = field(default_factory=new_id)

    @property
    def officer(self) -> Headers:
        return self.street.holding(Role.OFFICER, NORTH, person=self.officer_id)

    @property
    def other(self) -> Headers:
        return self.street.holding(Role.RESIDENT, GRID, person=self.other_id)

    @property
    def mediator(self) -> Headers:
        return self.street.holding(Role.RESIDENT, "county.south", person=self.mediator_id)

    def asked(self, *, contact: bool = False, **members: Any) -> Json:
        """Return the body that proposes a mediation."""
        parties: list[Json] = [
            {"role": "applicant", "person_id": str(self.street.owner_id)},
            {"role": "respondent", "person_id": str(self.other_id)},
        ]
        if contact:
            words = {"name": "赵某", "phone": "13800138000", "address": "3 号楼 201"}
            parties.append({"role": "third", "contact": words})
        return {"parties": parties, "mediator_id": str(self.mediator_id), **members}

    async def proposed(self, *, contact: bool = False, **members: Any) -> Json:
        """Propose a mediation of a case that is in hand."""
        case = await self.street.triaged(category="parking")
        path = f"/v1/cases/{case['id']}/mediations"
        answer = await self.street.post(path, self.asked(contact=contact, **members), by=self.officer)
        assert answer.status_code == 201, answer.text
        found: Json = answer.json()
        return found

    async def proposed_at(self, path: str) -> httpx.Response:
        """Try to propose a mediation of a case."""
        return await self.street.post(path, self.asked(), by=self.officer)

    async def proposed_again(self, mediation: Json) -> Json:
        """Let a party end a mediation, and propose another one of the same case with somebody without an account."""
        await self.step(mediation, "withdraw", {}, by=self.other)
        path = f"/v1/cases/{mediation['case_id']}/mediations"
        answer = await self.street.post(path, self.asked(contact=True), by=self.officer)
        assert answer.status_code == 201, answer.text
        found: Json = answer.json()
        return found

    async def act(self, mediation: Json, action: str, body: Json, *, by: Headers) -> httpx.Response:
        path = f"/v1/mediations/{mediation['id']}/{action}"
        return await self.street.post(path, body, by=by, version=mediation["version"])

    async def step(self, mediation: Json, action: str, body: Json, *, by: Headers) -> Json:
        answer = await self.act(mediation, action, body, by=by)
        assert answer.status_code in (200, 201), answer.text
        changed: Json = answer.json()
        return changed

    async def read(self, mediation: Json, *, by: Headers | None = None) -> Json:
        answer = await self.street.get(f"/v1/mediations/{mediation['id']}", by=by or self.officer)
        assert answer.status_code == 200, answer.text
        found: Json = answer.json()
        return found

    async def case_of(self, mediation: Json) -> Json:
        return await self.street.read({"id": mediation["case_id"]})

    async def proof(self, *, by: Headers) -> str:
        return str((await self.street.upload(picture(), by=by)).json()["id"])

    async def begun(self, *, contact: bool = False) -> Json:
        """Bring a mediation to where the talks begin."""
        mediation = await self.proposed(contact=contact)
        for by in (self.street.owner, self.other):
            mediation = await self.step(mediation, "consent", {"agrees": True}, by=by)
            mediation = await self.step(mediation, "accept-mediator", {"accepts": True}, by=by)
        if contact:
            third = mediation["parties"][2]["id"]
            for action, word in (("consent", "agrees"), ("accept-mediator", "accepts")):
                body = {word: True, "party_id": third, "proof_id": await self.proof(by=self.officer)}
                mediation = await self.step(mediation, action, body, by=self.officer)
        return await self.step(mediation, "declare", {"no_relation": True}, by=self.mediator)

    async def held(self, *, contact: bool = False) -> Json:
        """Bring a mediation behind its first session."""
        mediation = await self.begun(contact=contact)
        planned = {"planned_for": due_in(1), "place": "社区调解室"}
        mediation = await self.step(mediation, "sessions", planned, by=self.mediator)
        path = f"sessions/{mediation['sessions'][0]['id']}/close"
        return await self.step(mediation, path, {"state": "held", "note": "双方各退一步"}, by=self.mediator)

    def text(self, mediation: Json, *days: int) -> Json:
        """Return an agreement: the respondent, and then the applicant, owes something in so many days."""
        debtors = [mediation["parties"][1]["id"], mediation["parties"][0]["id"]]
        terms = [
            {
                "debtor_id": debtors[place % 2],
                "text": "移走占用车位的杂物",
                "amount_fen": 20_000,
                "due_on": (today() + timedelta(days=day)).isoformat(),
            }
            for place, day in enumerate(days)
        ]
        return {"facts": "车位归属不清", "content": "车位轮流使用", "terms": terms}

    async def drafted(self, *days: int, contact: bool = False) -> Json:
        mediation = await self.held(contact=contact)
        return await self.step(mediation, "agreement", self.text(mediation, *days), by=self.mediator)

    async def agreed(self, *days: int) -> Json:
        """Bring a mediation to an agreement in effect."""
        mediation = await self.drafted(*days)
        for by in (self.street.owner, self.other):
            mediation = await self.step(mediation, "sign", {"revision": mediation["revision"]}, by=by)
        return mediation
