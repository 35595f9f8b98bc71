"""HTTP of imports of offers."""

import asyncio
from typing import Annotated, Any, Final
from uuid import UUID

from fastapi import Depends, Query, Request, Response

from services.matching.imports import repository, service
from services.matching.imports.rules import LAYOUT, Fate
from services.matching.imports.schemas import OfferImportLineOut, OfferImportOut, UploadQuery
from services.matching.imports.views import import_out, line_out, written_report, written_template
from services.matching.partners.service import get_partner, must_speak_for
from shared.auth import Principal, Role, requires
from shared.pagination import Page, Paging
from shared.tables import FileFormat, Table, TableTooLarge, format_of, media_type, read_table
from shared.web import Reading, Writing, service_router

__all__ = ["router"]

router = service_router(tags=["offer imports 资源导入"])

Giver = Annotated[
    Principal,
    Depends(requires(Role.UNIT_STAFF, Role.PARTNER, Role.OFFICER, Role.SECRETARY, Role.ADMINISTRATOR)),
]
_TABLE: Final = {"schema": {"type": "string", "format": "binary"}}
_TABLES: Final = {media_type(kind).partition(";")[0]: _TABLE for kind in FileFormat}
_FILE: Final[dict[int | str, dict[str, Any]]] = {200: {"content": _TABLES, "description": "The table 表格"}}
_ALL_LINES: Final = LAYOUT.rows_max + 1


async def _looked_at(request: Request) -> tuple[bytes, FileFormat, Table]:
    """Read the table before there is a transaction that would be held open meanwhile."""
    declared = request.headers.get("content-length", "0")
    if declared.isdecimal() and int(declared) > LAYOUT.bytes_max:
        raise TableTooLarge(limit=LAYOUT.bytes_max)
    content = await request.body()
    kind = await asyncio.to_thread(format_of, content, bytes_max=LAYOUT.bytes_max)
    return content, kind, await asyncio.to_thread(read_table, content, kind, LAYOUT)


def _as_file(content: bytes, kind: FileFormat, name: str) -> Response:
    headers = {
        "Content-Disposition": f'attachment; filename="{name}.{kind.value}"',
        "Cache-Control": "private, no-store",
        "X-Content-Type-Options": "nosniff",
    }
    return Response(content, media_type=media_type(kind), headers=headers)


@router.get(
    "/v1/offer-imports/template", summary="The table to fill in 导入模板", response_class=Response, responses=_FILE
)
async def download_template(_: Giver, kind: Annotated[FileFormat, Query(alias="format")] = FileFormat.XLSX) -> Response:
    """Return an empty table with a row that explains it."""
    return _as_file(await asyncio.to_thread(written_template, kind), kind, "linli-offers")


@router.post(
    "/v1/offer-imports",
    status_code=201,
    summary="Import a table of offers 导入资源表格",
    openapi_extra={"requestBody": {"required": True, "content": _TABLES}},
)
async def upload_table(
    caller: Giver,
    wanted: Annotated[UploadQuery, Query()],
    looked_at: Annotated[tuple[bytes, FileFormat, Table], Depends(_looked_at)],
    session: Writing,
    response: Response,
) -> OfferImportOut:
    """Take a table in (the raw bytes are the body, up to 5 MB and 1 000 rows) and tell each line's fate.

    Rows are known by the partner's own id; the newest version holds, and the same table again changes nothing.
    """
    row, is_new = await service.take_in(session, caller, wanted, *looked_at)
    response.status_code = 201 if is_new else 200
    response.headers["Location"] = f"/v1/offer-imports/{row.id}"
    return import_out(row)


@router.get("/v1/offer-imports", summary="Imports of a partner 导入记录")
async def list_imports(caller: Giver, session: Reading, paging: Paging, partner_id: UUID) -> Page[OfferImportOut]:
    """Return the tables that were taken in for a partner, the newest first."""
    must_speak_for(caller, await get_partner(session, partner_id))
    rows = await repository.imports_of(session, partner_id, after=paging.after, limit=paging.size + 1)
    return paging.page(rows, key=lambda row: (row.created_at, row.id), view=import_out)


@router.get("/v1/offer-imports/{import_id}", summary="Read an import 导入详情")
async def read_import(caller: Giver, session: Reading, import_id: UUID) -> OfferImportOut:
    """Return an import with the number of lines by their fate."""
    return import_out(await service.get_import(session, caller, import_id))


@router.get("/v1/offer-imports/{import_id}/lines", summary="Lines of an import 逐行结果")
async def list_lines(
    caller: Giver,
    session: Reading,
    paging: Paging,
    import_id: UUID,
    fate: Annotated[list[Fate] | None, Query(max_length=6, description="Only of these fates 按结果筛选")] = None,
) -> Page[OfferImportLineOut]:
    """Return what became of each line, in the order of the sheet."""
    row = await service.get_import(session, caller, import_id)
    after = paging.after[0] if paging.after else 0
    rows = await repository.lines_of(session, row.id, fates=fate or (), after=after, limit=paging.size + 1)
    return paging.page(rows, key=lambda line: (line.line,), view=line_out)


@router.get(
    "/v1/offer-imports/{import_id}/report",
    summary="The results as a table 导入结果表",
    response_class=Response,
    responses=_FILE,
)
async def download_report(
    caller: Giver,
    session: Reading,
    import_id: UUID,
    kind: Annotated[FileFormat, Query(alias="format")] = FileFormat.XLSX,
) -> Response:
    """Return what became of each line as a table."""
    row = await service.get_import(session, caller, import_id)
    lines = await repository.lines_of(session, row.id, fates=(), after=0, limit=_ALL_LINES)
    return _as_file(await asyncio.to_thread(written_report, kind, lines), kind, f"offer-import-{row.id}")
