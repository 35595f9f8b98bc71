"""HTTP of cases that staff write down for others."""

from typing import Annotated

from fastapi import Depends, Request, Response

from services.intake.cases.schemas import CaseOut
from services.intake.cases.viewing import view_case
from services.intake.cases.views import case_out
from services.intake.on_behalf import service
from services.intake.on_behalf.schemas import OnBehalfIn
from shared.auth import Principal, Role, requires
from shared.vault import VaultOfApp
from shared.web import Writing, service_router, set_etag

__all__ = ["router"]

router = service_router(tags=["cases 诉求"])

Recorder = Annotated[Principal, Depends(requires(Role.GRID_WORKER, Role.OFFICER, Role.SECRETARY, Role.CONVENOR))]


@router.post("/v1/cases/on-behalf", status_code=201, summary="Write a case down for somebody 代录诉求")
async def file_on_behalf(
    caller: Recorder, request: Request, vault: VaultOfApp, session: Writing, response: Response, wanted: OnBehalfIn
) -> CaseOut:
    """File what was heard on a visit, on the hotline, in an enterprise or at a council, for whoever raised it.

    With an `id` of your own, sending it twice files it once. A contact is sealed; officers read it for a purpose.
    """
    case, is_new = await service.file_on_behalf(session, request.app.state.desk, vault, caller, wanted)
    response.status_code = 201 if is_new else 200
    response.headers["Location"] = f"/v1/cases/{case.id}"
    set_etag(response, case.version)
    return case_out(await view_case(session, caller, case))
