"""Pledges that were made on the resource list become what a giver owes to a fund, until they are called off."""

from collections.abc import Sequence

import structlog

from services.ledger.funds.giving import note_pledge, withdraw_pledge
from shared.contracts import Event
from shared.contracts.ledger import PledgeRefused
from shared.contracts.matching_partners import MoneyPledged, PledgeReleased
from shared.db import WriteSession
from shared.messaging import Consumers, publish
from shared.problems import Problem

__all__ = ["consumers"]

log = structlog.get_logger()

consumers = Consumers("ledger")


@consumers.on(MoneyPledged)
async def note_pledges(session: WriteSession, events: Sequence[Event[MoneyPledged]]) -> None:
    """Note what a unit has pledged to a fund, or tell that its charter does not take it; without a fund, nothing."""
    for event in events:
        told = event.data
        if told.fund_id is None:
            continue
        try:
            await note_pledge(
                session,
                told.fund_id,
                contribution_id=told.hold_id,
                unit_id=told.unit_id,
                amount_fen=told.amount_fen,
                due_on=told.due_on,
            )
        except Problem as refused:
            log.info("pledge_refused", code=refused.code, fund_id=str(told.fund_id), hold_id=str(told.hold_id))
            back = PledgeRefused(
                hold_id=told.hold_id,
                offer_id=told.offer_id,
                unit_id=told.unit_id,
                fund_id=told.fund_id,
                code=refused.code,
            )
            await publish(session, f"pledge/{told.hold_id}", back, cause=event)


@consumers.on(PledgeReleased)
async def withdraw_pledges(session: WriteSession, events: Sequence[Event[PledgeReleased]]) -> None:
    """Let go of what is not owed any more; what was never noted, or has arrived, stays as it is."""
    for event in events:
        told = event.data
        if told.fund_id is not None and not await withdraw_pledge(session, told.hold_id):
            log.info("pledge_not_withdrawn", fund_id=str(told.fund_id), hold_id=str(told.hold_id))
