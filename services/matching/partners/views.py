"""From rows to representations."""

from services.matching.partners.models import Partner
from services.matching.partners.rules import STEPS, fulfilment_weight
from services.matching.partners.schemas import CoverageOut, PartnerOut, RecordOut
from services.matching.partners.service import facts_of
from shared.auth import Principal
from shared.steps import next_actions

__all__ = ["partner_out"]

_COMPUTED = frozenset({"next_actions", "covers", "record"})


def partner_out(partner: Partner, caller: Principal) -> PartnerOut:
    """Show a partner, with what this caller may do."""
    actions = next_actions(STEPS, facts_of(partner), caller)
    columns = {name: getattr(partner, name) for name in PartnerOut.model_fields if name not in _COMPUTED}
    covered = zip((partner.area_id, *partner.further_area_ids), partner.paths, strict=True)
    record = {"kept": partner.kept, "late": partner.late, "broken": partner.broken}
    return PartnerOut.model_validate(
        {
            **columns,
            "covers": [CoverageOut(area_id=area_id, path=path) for area_id, path in covered],
            "record": RecordOut(**record, weight=fulfilment_weight(**record)),
            "next_actions": actions,
        }
    )
