"""Proposals are learned anew every hour, where enough new labels have come."""

from datetime import datetime
from typing import Final

from services.intake.proposals.learning import learn_from_labels
from shared.db import Database
from shared.messaging import TenantSchedule

__all__ = ["schedules"]

_EVERY_S: Final = 3_600


async def _learn(database: Database, tenant: str, _: datetime) -> None:
    await learn_from_labels(database, tenant)


schedules = (TenantSchedule("learn_proposals", every_s=_EVERY_S, table="categories", run=_learn),)
