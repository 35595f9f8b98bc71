"""From rows to representations."""

from services.matching.partners.models import Partner
from services.matching.record.models import FulfilmentEntry
from services.matching.record.rules import STEPS
from services.matching.record.schemas import EntryOut
from services.matching.record.service import facts_of
from shared.auth import Principal
from shared.steps import next_actions

__all__ = ["entry_out"]


def entry_out(entry: FulfilmentEntry, partner: Partner, caller: Principal) -> EntryOut:
    """Show an entry, with what this caller may do."""
    actions = next_actions(STEPS, facts_of(entry, partner), caller)
    columns = {name: getattr(entry, name) for name in EntryOut.model_fields if name != "next_actions"}
    return EntryOut.model_validate({**columns, "next_actions": actions})
