"""Questions of other services, answered in the order in which they come."""

from collections.abc import Sequence

from services.directory.entitlements.asking import Asked, answer
from shared.contracts import Event
from shared.contracts.directory import EntitlementAnswered
from shared.contracts.matching_orders import EntitlementAsked
from shared.db import WriteSession
from shared.messaging import Consumers, publish

__all__ = ["consumers"]

consumers = Consumers("directory")


@consumers.on(EntitlementAsked)
async def answer_questions(session: WriteSession, events: Sequence[Event[EntitlementAsked]]) -> None:
    """Answer yes or no; who was asked about is not said again."""
    for event in events:
        told = event.data
        asked = Asked(
            id=told.question_id,
            person_id=told.person_id,
            any_of=told.any_of,
            used_on=told.used_on,
            within=told.within,
            purpose=told.purpose,
            asked_by=event.actor or "system",
        )
        answered = await answer(session, asked)
        told_back = EntitlementAnswered(question_id=answered.id, entitled=answered.entitled)
        await publish(session, f"entitlement_question/{answered.id}", told_back, cause=event)
