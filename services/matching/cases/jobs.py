"""What the matching hears of cases."""

from collections.abc import Sequence

from services.matching.cases import repository
from shared.contracts import Event
from shared.contracts.intake import CaseClaimed, CaseClosed, CaseFiled, CaseResolved
from shared.db import WriteSession
from shared.messaging import Consumers

__all__ = ["consumers"]

consumers = Consumers("matching")


@consumers.on(CaseFiled)
async def keep_filed(session: WriteSession, events: Sequence[Event[CaseFiled]]) -> None:
    """Keep new cases, so that needs and projects can name them."""
    await repository.keep_filed(session, events)


@consumers.on(CaseClaimed)
async def keep_claimed(session: WriteSession, events: Sequence[Event[CaseClaimed]]) -> None:
    """Note which unit may open a project for a case."""
    await repository.set_claimed(session, events)


@consumers.on(CaseResolved)
async def keep_resolved(session: WriteSession, events: Sequence[Event[CaseResolved]]) -> None:
    """Note that cases are resolved."""
    await repository.set_state(session, [event.data.case_id for event in events], "resolved")


@consumers.on(CaseClosed)
async def keep_closed(session: WriteSession, events: Sequence[Event[CaseClosed]]) -> None:
    """Note that cases are closed."""
    await repository.set_state(session, [event.data.case_id for event in events], "closed")
