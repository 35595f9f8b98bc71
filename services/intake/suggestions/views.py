"""From suggestions to representations."""

from services.intake.cases.terms import State
from services.intake.suggestions.rules import Suggestion
from services.intake.suggestions.schemas import SuggestionOut, SuggestionReasonOut

__all__ = ["suggestion_out"]


def suggestion_out(found: Suggestion, *, is_visible: bool) -> SuggestionOut:
    """Show a suggestion without a word of the one who raised the case, unless its reader may see it."""
    case = found.case
    return SuggestionOut(
        id=case.id,
        number=case.number,
        category=case.category,
        title=case.title if is_visible else None,
        area_id=case.area_id,
        state=State(case.state),
        joiners=case.joiners,
        filed_at=case.filed_at,
        score=round(found.score, 1),
        similarity=round(found.similarity, 1),
        within_m=found.within_m,
        reasons=[
            SuggestionReasonOut(code=reason.code, detail_zh=reason.detail.zh, detail_en=reason.detail.en)
            for reason in found.reasons
        ],
    )
