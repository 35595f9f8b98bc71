"""HTTP of suggestions."""

from typing import Annotated

from fastapi import Depends

from services.intake.suggestions import service
from services.intake.suggestions.schemas import SuggestIn, SuggestionsOut
from services.intake.suggestions.views import suggestion_out
from shared.auth import Principal, authenticated
from shared.web import Reading, service_router

__all__ = ["router"]

router = service_router(tags=["cases 诉求"])


@router.post("/v1/case-suggestions", summary="Has somebody filed it already 相似诉求提示")
async def suggest_cases(
    caller: Annotated[Principal, Depends(authenticated)], session: Reading, wanted: SuggestIn
) -> SuggestionsOut:
    """Return up to five open cases that may be the same, with reasons, to join instead of filing. It files nothing."""
    found = await service.suggest_cases(session, caller, wanted)
    return SuggestionsOut(items=[suggestion_out(item, is_visible=is_visible) for item, is_visible in found])
