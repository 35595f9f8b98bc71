"""Computing a plan: everything is read, the engine decides in a thread, and every line is written with its reason."""

import asyncio
import importlib
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

import numpy as np
import structlog

from services.matching.coverage import covers
from services.matching.engine.blocks import REASONS
from services.matching.engine.explaining import filter_results, need_values, terms_of
from services.matching.engine.facts import NeedFacts, OfferFacts, Vectors
from services.matching.engine.filters import FILTERS
from services.matching.engine.lines import Lines, columns_of, read_offers
from services.matching.engine.scoring import Weights, mode_of
from services.matching.engine.standing import Background
from services.matching.matches.facts import need_facts, offer_facts, offer_text
from services.matching.matches.service import weights_for
from services.matching.plans import repository
from services.matching.plans.rules import PlanState, change_of
from services.matching.slots.embedding import placed, tree_of
from services.matching.slots.groups import mask_of
from services.matching.slots.repository import all_corrections, learned_words
from services.matching.slots.rules import Subject
from shared.clock import utc_now
from shared.db import Database, Session
from shared.encoders import Encoder, live_encoders

__all__ = ["compute_plan"]

log = structlog.get_logger()

# What carries a solver, and its memory, is loaded when the first plan is computed.
_PLANNING: Final = "services.matching.engine.planning"
_NOBODY: Final = "nothing_in_reach"
_TAKEN: Final = "taken_by_another_need"
# What stands best is a candidate, and is none for this line any more: people have said so.
_REFUSED: Final = "refused_before"


@dataclass(frozen=True, slots=True)
class _Input:
    """Everything that a plan is made of, as read in one transaction."""

    needs: Sequence[NeedFacts]
    offers: Sequence[OfferFacts]
    need_vectors: Vectors
    offer_vectors: Vectors
    background: Background | None
    weights: Weights
    mode: str
    need_versions: Mapping[UUID, int]
    offer_versions: Mapping[UUID, int]
    first: Mapping[UUID, UUID]
    refused: frozenset[tuple[UUID, UUID]]
    floors: Sequence[Mapping[str, Any]]
    prices: Mapping[str, int]
    now: datetime


async def compute_plan(
    database: Database, tenant: str, plan_id: UUID, encoders: Sequence[Encoder] | None = None
) -> bool:
    """Compute a plan that was asked for; returns whether there was one to compute."""
    live = live_encoders() if encoders is None else encoders
    async with database.read(tenant) as session:
        plan = await repository.find_plan(session, plan_id)
        if plan is None or plan.state != PlanState.WANTED:
            return False
        given = await _read(session, plan.area_path, plan.floors, plan.prices, live)
    lines, passed, figures, score = await asyncio.to_thread(_decide, given)
    async with database.write(tenant) as session:
        locked = await repository.lock_plan(session, plan_id)
        if locked is None or locked.state != PlanState.WANTED:
            return False
        await repository.add_lines(session, plan_id, lines, passed)
        locked.state, locked.computed_at = PlanState.COMPUTED.value, utc_now()
        locked.figures, locked.score = figures, score
        locked.version += 1
    log.info("match_plan_computed", tenant=tenant, plan_id=str(plan_id), needs=len(given.needs), score=score)
    return True


async def _read(
    session: Session, path: str, floors: Sequence[Mapping[str, Any]], prices: Mapping[str, int], live: Sequence[Encoder]
) -> _Input:
    now = utc_now()
    needs, pairs = await repository.open_needs(session, path), await repository.all_offers(session)
    need_vectors = await placed(session, Subject.NEED, {need.id: need.summary for need in needs}, live)
    offer_vectors = await placed(session, Subject.OFFER, {offer.id: offer_text(offer) for offer, _ in pairs}, live)
    tree = await tree_of(live)
    mode = mode_of(tuple(encoder.name for encoder in live))
    of_needs, of_offers = await all_corrections(session, Subject.NEED), await all_corrections(session, Subject.OFFER)
    learned = await learned_words(session)
    return _Input(
        needs=need_facts(needs, of_needs, need_vectors, tree.offers if tree else (), learned),
        offers=offer_facts(pairs, of_offers, offer_vectors, tree.needs if tree else (), now, learned),
        need_vectors=need_vectors,
        offer_vectors=offer_vectors,
        background=tree.background() if tree else None,
        weights=await weights_for(session, mode),
        mode=mode,
        need_versions={need.id: need.version for need in needs},
        offer_versions={offer.id: offer.version for offer, _ in pairs},
        first=await repository.first_proposals(session),
        refused=frozenset((row.need_id, row.offer_id) for row in await repository.refused_pairs(session)),
        floors=floors,
        prices=prices,
        now=now,
    )


Rows = list[dict[str, Any]]


def _decide(given: _Input) -> tuple[Rows, Rows, dict[str, Any], int]:
    """Return the lines, the offers passed over, the figures and the score."""
    if not given.needs:
        return [], [], {"needs": 0, "offers": len(given.offers), "changes": {}, "shortfalls": []}, 0
    planning = importlib.import_module(_PLANNING)
    lines = columns_of(given.needs, read_offers(given.offers, given.offer_vectors), given.need_vectors, given.now)
    need_row = {one: row for row, one in enumerate(lines.needs.ids)}
    offer_row = {one: row for row, one in enumerate(lines.offers.ids)}
    plan = planning.make_plan(
        lines.needs,
        lines.offers,
        given.weights,
        background=given.background or Background((lines.tree,), (lines.tree,)),
        floors=_floors(planning, given, need_row),
        prices=planning.Prices(**given.prices),
        refused=frozenset(
            (need_row[need], offer_row[offer])
            for need, offer in given.refused
            if need in need_row and offer in offer_row
        ),
    )
    told = _Teller(given, lines, plan)
    rows = [row for place in range(len(lines.needs.ids)) for row in told.need(place)]
    changes: dict[str, int] = {}
    for row in rows:
        changes[row["change"]] = changes.get(row["change"], 0) + (row["part"] == 1)
    figures = {
        "needs": len(given.needs),
        "offers": len(given.offers),
        "changes": changes,
        "weights": given.weights.name,
        "lost_at_most": plan.lost_at_most,
        "shortfalls": [asdict(item) for item in plan.shortfalls],
    }
    return rows, told.passed_offers(), figures, plan.score


def _floors(planning: Any, given: _Input, need_row: Mapping[UUID, int]) -> Any:  # noqa: ANN401 - a module and what it has
    """Return the floors by rows: a need counts for the first one that it belongs to."""
    of_need = np.full(len(need_row), -1, np.int64)
    for number, floor in reversed(list(enumerate(given.floors))):
        group = mask_of([floor["group"]]) if floor.get("group") else 0
        for need in given.needs:
            is_there = floor.get("area_path") is None or covers(floor["area_path"], need.area_path)
            if is_there and need.groups & group == group:
                of_need[need_row[need.id]] = number
    return planning.Floors(of_need, np.array([floor["at_least"] for floor in given.floors], np.int64))


class _Teller:
    """Tells of every line what came of it."""

    def __init__(self, given: _Input, lines: Lines, plan: Any) -> None:  # noqa: ANN401 - a plan of the engine
        self._given, self._lines, self._plan = given, lines, plan
        self._needs = {need.id: need for need in given.needs}
        self._offers = {offer.id: offer for offer in given.offers}
        self._takers: dict[int, int] = {}
        for need, pairs in enumerate(plan.pairs):
            for pair in pairs:
                self._takers.setdefault(int(plan.candidates.offer[pair]), need)
        found = plan.candidates
        # Pairs are ordered by need, the best first: so the first one of each need is its best.
        _, self._first_pair = np.unique(found.need, return_index=True)
        self._best_pair = dict(zip(found.need[self._first_pair].tolist(), self._first_pair.tolist(), strict=True))

    def need(self, row: int) -> Rows:
        """Return the lines of a need: one, or one for each part."""
        need_id = self._lines.needs.ids[row]
        earlier = self._given.first.get(need_id)
        common = {
            "need_id": need_id,
            "earlier_offer_id": earlier,
            "need_version": self._given.need_versions[need_id],
            "outcome": None,
        }
        pairs = self._plan.pairs[row]
        if not pairs:
            why = self._why_open(row)
            blank = {"part": 1, "offer_id": None, "offer_version": None, "score": 0, "explanation": why}
            return [{**common, **blank, "change": change_of(earlier, None).value}]
        return [{**common, "part": part, **self._pair(row, pair, earlier)} for part, pair in enumerate(pairs, start=1)]

    def _pair(self, row: int, pair: int, earlier: UUID | None) -> dict[str, Any]:
        found = self._plan.candidates
        need = self._needs[self._lines.needs.ids[row]]
        offer = self._offers[self._lines.offers.ids[int(found.offer[pair])]]
        terms = terms_of(need, offer, found.terms[pair], float(found.standing[pair]), self._given.weights)
        values = need_values(need, self._given.now.isoformat())
        passed = filter_results(need, offer, np.zeros(len(FILTERS), np.bool_), values)
        return {
            "offer_id": offer.id,
            "offer_version": self._given.offer_versions[offer.id],
            "score": int(found.score[pair]),
            "change": change_of(earlier, offer.id).value,
            "explanation": {
                "filters": [item._asdict() for item in passed],
                "terms": [term._asdict() for term in terms],
                "weights": self._given.weights.name,
                "mode": self._given.mode,
            },
        }

    def _why_open(self, row: int) -> dict[str, Any]:
        """Return why a need is left open: who took its best candidate, or what failed at the nearest offer."""
        best = self._best_pair.get(row)
        if best is not None:
            offer = int(self._plan.candidates.offer[best])
            taker = self._takers.get(offer)
            return {
                "reason": _TAKEN,
                "offer_id": str(self._lines.offers.ids[offer]),
                "taken_by": str(self._lines.needs.ids[taker]) if taker is not None else None,
            }
        misses = self._plan.candidates.need_misses
        offer = int(misses.other[row])
        if offer < 0:
            return {"reason": _NOBODY}
        code = int(misses.code[row])
        failed = np.zeros(len(FILTERS), np.bool_)
        told: list[dict[str, Any]] = []
        if 0 < code <= len(FILTERS):
            failed[code - 1] = True
            need = self._needs[self._lines.needs.ids[row]]
            near = self._offers[self._lines.offers.ids[offer]]
            results = filter_results(need, near, failed, need_values(need, self._given.now.isoformat()))
            told = [results[code - 1]._asdict()]
        return {"reason": REASONS[code] or _REFUSED, "offer_id": str(self._lines.offers.ids[offer]), "filters": told}

    def passed_offers(self) -> Rows:
        """Return the offers that got nothing, with why."""
        found = self._plan.candidates
        best: dict[int, int] = {}
        for pair in np.lexsort((found.need, -found.score)).tolist():
            best.setdefault(int(found.offer[pair]), pair)
        rows = []
        for row, offer_id in enumerate(self._lines.offers.ids):
            if row in self._takers:
                continue
            reason, need, taken = self._passed(row, best.get(row))
            rows.append({"offer_id": offer_id, "reason": reason, "need_id": need, "taken_by": taken})
        return rows

    def _passed(self, row: int, pair: int | None) -> tuple[str, UUID | None, UUID | None]:
        if pair is not None:
            need = int(self._plan.candidates.need[pair])
            chosen = self._plan.pairs[need]
            other = self._lines.offers.ids[int(self._plan.candidates.offer[chosen[0]])] if chosen else None
            return "need_has_better", self._lines.needs.ids[need], other
        misses = self._plan.candidates.offer_misses
        need = int(misses.other[row])
        if need < 0:
            return _NOBODY, None, None
        return REASONS[int(misses.code[row])] or _REFUSED, self._lines.needs.ids[need], None
