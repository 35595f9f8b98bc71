"""From rows to the representation of a need."""

from collections.abc import Collection
from typing import Final
from uuid import UUID

from services.matching.needs.models import Need
from services.matching.needs.rules import STEPS, may_see_where
from services.matching.needs.schemas import NeedOut
from services.matching.needs.service import facts_of
from shared.auth import Principal
from shared.steps import next_actions

__all__ = ["need_out"]

# For the staff of the area and the units at work on a need; null to others.
_NOT_FOR_ALL: Final = ("case_id", "latitude", "longitude", "withdrawn_reason")


def need_out(need: Need, caller: Principal, at_work: Collection[UUID] = ()) -> NeedOut:
    """Show a need, with what this caller may see and do.

    Args:
        need: the row.
        caller: who asks.
        at_work: the units that work on it.
    """
    columns = {name: getattr(need, name) for name in NeedOut.model_fields if name != "next_actions"}
    if not may_see_where(need.area_path, at_work, caller):
        columns |= dict.fromkeys(_NOT_FOR_ALL)
    actions = next_actions(STEPS, facts_of(need), caller)
    return NeedOut.model_validate({**columns, "next_actions": actions})
