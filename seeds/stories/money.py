"""Money as the stories see it: a fund opened for this telling, its grants, and every sum to the fen.

Each telling opens a fund of its own under the charter of the pack, so that its balances can be stated exactly however
often the story has been told before.
"""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from seeds.client import Answer, Caller
from seeds.house import House
from seeds.ids import fresh_id
from seeds.stories.threads import Project
from seeds.story import Story

__all__ = [
    "Fund",
    "Grant",
    "approve",
    "grant_of",
    "hold_of",
    "invoice_body",
    "open_fund",
    "pledge",
    "project_budget",
    "yuan",
]

_FEN: Final = 100


def yuan(fen: int) -> str:
    """Write an amount for people: 1 500 000 fen is ¥15,000.00."""
    return f"¥{fen // _FEN:,}.{fen % _FEN:02d}"


@dataclass(frozen=True, slots=True)
class Fund:
    """A fund of this telling."""

    id: str
    book_id: str

    @property
    def path(self) -> str:
        """Where it is."""
        return f"/v1/funds/{self.id}"

    async def shows(self, story: Story, reader: Caller, *, balance_fen: int, held_fen: int, available_fen: int) -> None:
        """Check what the fund has, what of it is held and what is free."""
        seen = story.took(await reader.get(self.path))
        expected = {"balance_fen": balance_fen, "held_fen": held_fen, "available_fen": available_fen}
        told = f"balance 余额 {yuan(balance_fen)} · held 冻结 {yuan(held_fen)} · free 可用 {yuan(available_fen)}"
        story.expect(told, {name: seen[name] for name in expected}, expected)

    async def states(self, story: Story, reader: Caller, **expected: int) -> None:
        """Check the statement: these lines, and that it adds up."""
        seen = story.took(await reader.get(f"{self.path}/statement"))
        story.expect("statement 公示", {name: seen[name] for name in expected}, expected)
        came = seen["opening_fen"] + seen["contributions_fen"] + seen["returned_fen"]
        story.expect("opening + in − out = closing 收支相符", came - seen["granted_fen"], seen["closing_fen"])
        story.expect("money in the bank = the fund 账实相符", seen["bank_fen"], seen["closing_fen"])
        for line in ("contributions_fen", "granted_fen", "returned_fen", "spent_fen", "closing_fen"):
            story.note(f"{line:<18}{yuan(seen[line]):>16}")


@dataclass(frozen=True, slots=True)
class Grant:
    """A grant of this telling."""

    id: str

    @property
    def path(self) -> str:
        """Where it is."""
        return f"/v1/grants/{self.id}"


async def open_fund(story: Story, house: House, key: str) -> Fund:
    """Open a fund under a charter of the pack."""
    row = house.pack.row("funds", key)
    body = {
        "id": fresh_id(),
        "name": row["name"],
        "area_id": house.id("areas", row["area"]),
        "charter": row["charter"],
    }
    opened = story.took(await (await house.staff("treasurer")).post("/v1/funds", body), 201)
    story.note(f"{row['name']} · {body['id']}")
    return Fund(opened["id"], opened["book_id"])


async def pledge(story: Story, house: House, fund: Fund, given: dict[str, Any]) -> dict[str, Any]:
    """Note one unit's contribution of the pack; one that is late was due yesterday and has not arrived."""
    is_late = given.get("late", False)
    due_on = (datetime.now(UTC).date() - timedelta(days=2)).isoformat() if is_late else None
    body = {
        "id": fresh_id(),
        "giver_kind": "unit",
        "giver_id": house.id("units", given["unit"]),
        "amount_fen": given["amount_fen"],
        "received": not is_late,
        "due_on": due_on,
    }
    noted: dict[str, Any] = story.took(
        await (await house.staff("treasurer")).post(f"{fund.path}/contributions", body), 201
    )
    return noted


async def grant_of(story: Story, reader: Caller, project: Project, state: str = "submitted") -> dict[str, Any]:
    """Wait until the project's request has become a grant in a state, and return it."""

    async def look() -> list[dict[str, Any]]:
        page = story.took(await reader.get("/v1/grants", project_id=project.id, state=state))
        return list(page["items"])

    found = await story.until(f"the ledger has the application 账房收到申请: {state}", look, bool)
    return found[0]


async def project_budget(
    story: Story, reader: Caller, project: Project, what: str, good: Callable[[dict[str, Any]], bool]
) -> dict[str, Any]:
    """Wait until the project has heard from the ledger, and return its budget."""

    async def look() -> dict[str, Any]:
        budget: dict[str, Any] = story.took(await reader.get(project.path))["budget"]
        return budget

    return await story.until(what, look, good)


async def approve(approver: Caller, grant: Grant) -> Answer:
    """Vote for a grant."""
    return await approver.act(grant.path, "approve", {"reason": "符合章程"})


async def hold_of(story: Story, reader: Caller, hold_id: str, *, amount_fen: int, state: str) -> None:
    """Check a hold: its amount, and that it adds up."""
    hold = story.took(await reader.get(f"/v1/holds/{hold_id}"))
    parts = hold["settled_fen"] + hold["released_fen"] + hold["remaining_fen"]
    seen = (hold["state"], hold["amount_fen"], parts)
    story.expect(f"hold 冻结 {yuan(amount_fen)}: {state}", seen, (state, amount_fen, amount_fen))


def invoice_body(supplier: str, amount_fen: int) -> dict[str, Any]:
    """Write a supplier's bill; its document is this telling's own."""
    invoice_id = fresh_id()
    return {
        "id": invoice_id,
        "supplier": supplier,
        "number": f"FP-{invoice_id.hex[-8:]}",
        "document_sha256": hashlib.sha256(invoice_id.bytes).hexdigest(),
        "amount_fen": amount_fen,
    }
