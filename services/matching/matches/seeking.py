"""New offers look for needs: by the worker, when their texts are placed, so that nobody has to ask again for a need.

A need that nothing suits is looked at as a whole. Where there are proposals already, plans and people may have put them
in their order: what is new comes behind them, until somebody looks again or the night plans anew.
"""

from collections.abc import Collection, Sequence
from typing import Final
from uuid import UUID

import structlog

from services.matching.engine.scoring import mode_of
from services.matching.matches import repository
from services.matching.matches.service import judge_need, propose_matches, row_of
from services.matching.needs.models import Need
from services.matching.needs.repository import lock_need
from services.matching.needs.rules import NeedState
from services.matching.slots.embedding import first_pass
from services.matching.slots.tree import branch_of, leaves_of
from shared.clock import utc_now
from shared.db import Database, WriteSession
from shared.encoders import Encoder, identity, live_encoders

__all__ = ["NEEDS_MAX", "seek_needs"]

log = structlog.get_logger()

# So many new offers a turn, and so many needs: other tenants have some as well.
_OFFERS_AT_ONCE: Final = 100
NEEDS_MAX: Final = 50


async def seek_needs(database: Database, tenant: str, encoders: Sequence[Encoder] | None = None) -> int:
    """Look at the open needs in reach of new offers; returns how many needs have found something.

    Args:
        database: of the matching.
        tenant: whose offers.
        encoders: how to compare texts; the quick one of this process when left out.
    """
    live = first_pass(live_encoders()) if encoders is None else encoders
    async with database.read(tenant) as session:
        offers = await repository.unsought_offers(
            session, [identity(encoder) or "" for encoder in live], _OFFERS_AT_ONCE
        )
        versions = {offer.id: offer.version for offer in offers}
        needs: dict[UUID, None] = {}
        for offer in offers:
            branch = branch_of(offer.category)
            categories = [branch, *leaves_of(branch)]
            needs.update(dict.fromkeys(await repository.needs_in_reach(session, categories, offer.coverage, NEEDS_MAX)))
    found = 0
    for need_id in sorted(list(needs)[:NEEDS_MAX]):
        async with database.write(tenant) as session:
            need = await lock_need(session, need_id)
            if need is not None and need.state == NeedState.OPEN:
                found += await _look(session, need, versions.keys(), live)
    if versions:
        async with database.write(tenant) as session:
            await repository.mark_sought(session, versions, utc_now())
        log.info("needs_sought", tenant=tenant, offers=len(versions), needs=len(needs), found=found)
    return found


async def _look(session: WriteSession, need: Need, new: Collection[UUID], live: Sequence[Encoder]) -> bool:
    """Keep what is new for a need; returns whether there is any."""
    if need.no_match_reason is not None:
        await propose_matches(session, need, live)
        return need.no_match_reason is None
    now = utc_now()
    judgement = await judge_need(session, need, now, live)
    mode = mode_of(tuple(encoder.name for encoder in live))
    rows = [row_of(verdict, judgement.weights, mode) for verdict in judgement.suitable if verdict.offer_id in new]
    return await repository.add_proposals(session, need.id, rows, now) > 0
