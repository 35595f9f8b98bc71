"""HTTP of imports."""

import asyncio
from typing import Annotated, Any, Final
from uuid import UUID

from fastapi import Depends, Query, Request, Response

from services.intake.imports import repository, service
from services.intake.imports.rules import BYTES_MAX, LAYOUT, Fate, NothingToReport
from services.intake.imports.schemas import ImportLineOut, ImportOut, UploadQuery
from services.intake.imports.views import import_out, line_out
from services.intake.imports.writing import written_report, written_template
from shared.auth import Principal, Role, requires
from shared.pagination import Page, Paging
from shared.problems import NotFound
from shared.tables import FileFormat, TableTooLarge, format_of, media_type, read_table
from shared.web import ExpectedVersion, Reading, Writing, check_version, service_router, set_etag

__all__ = ["router"]

router = service_router(tags=["imports 表格导入"])

Importer = Annotated[Principal, Depends(requires(*service.IMPORTERS))]
Watcher = Annotated[Principal, Depends(requires(*service.IMPORTERS, Role.AUDITOR))]
_TABLE: Final = {"schema": {"type": "string", "format": "binary"}}
_TABLES: Final = {media_type(kind).partition(";")[0]: _TABLE for kind in FileFormat}
_FILE: Final[dict[int | str, dict[str, Any]]] = {200: {"content": _TABLES, "description": "The table 表格"}}
# Writing fifty thousand rows takes a core for seconds: one at a time, the others wait.
_writing = asyncio.Semaphore(1)


async def _looked_at(request: Request) -> tuple[bytes, FileFormat]:
    """Read the body, and tell what it is, before there is a transaction that would be held open meanwhile."""
    declared = request.headers.get("content-length", "0")
    if declared.isdecimal() and int(declared) > BYTES_MAX:
        raise TableTooLarge
    content = await request.body()
    return content, await asyncio.to_thread(format_of, content, bytes_max=BYTES_MAX)


def _as_file(content: bytes, kind: FileFormat, name: str) -> Response:
    headers = {
        "Content-Disposition": f'attachment; filename="{name}.{kind.value}"',
        "Cache-Control": "private, no-store",
        "X-Content-Type-Options": "nosniff",
    }
    return Response(content, media_type=media_type(kind), headers=headers)


@router.get("/v1/imports/template", summary="The table to fill in 导入模板", response_class=Response, responses=_FILE)
async def download_template(
    caller: Importer,
    session: Reading,
    kind: Annotated[FileFormat, Query(alias="format")] = FileFormat.XLSX,
) -> Response:
    """Return an empty table with a row that explains it and, in XLSX, a sheet of categories and areas."""
    categories = await repository.active_categories(session)
    areas = await service.areas_within(session, service.reach_of(caller))
    return _as_file(await asyncio.to_thread(written_template, kind, categories, areas), kind, "linli-import")


@router.post(
    "/v1/imports",
    status_code=202,
    summary="Import a table of cases 导入诉求表格",
    openapi_extra={"requestBody": {"required": True, "content": _TABLES}},
)
async def upload_table(
    caller: Importer,
    wanted: Annotated[UploadQuery, Query()],
    looked_at: Annotated[tuple[bytes, FileFormat], Depends(_looked_at)],
    session: Writing,
    response: Response,
) -> ImportOut:
    """Take a table in (the raw bytes are the body, up to 20 MB and 50 000 rows); a worker files its rows.

    Rows are known by their reference within the source, or by their content: the same table again changes nothing.
    """
    row, is_new = await service.take_in(session, caller, wanted, *looked_at)
    response.status_code = 202 if is_new else 200
    response.headers["Location"] = f"/v1/imports/{row.id}"
    set_etag(response, row.version)
    return import_out(row)


@router.get("/v1/imports", summary="List imports 导入记录")
async def list_imports(caller: Watcher, session: Reading, paging: Paging) -> Page[ImportOut]:
    """Return one's own imports, and those within the areas that one looks after; the newest first."""
    rows = await repository.list_imports(
        session,
        importer=caller.subject_id,
        within=service.watchers_paths(caller),
        after=paging.after,
        limit=paging.size + 1,
    )
    return paging.page(rows, key=lambda row: (row.created_at, row.id), view=import_out)


@router.get("/v1/imports/{import_id}", summary="Read an import 导入进度")
async def read_import(caller: Watcher, session: Reading, response: Response, import_id: UUID) -> ImportOut:
    """Return how far an import is, with the number of lines by their fate."""
    row = await service.get_import(session, caller, import_id)
    set_etag(response, row.version)
    return import_out(row)


@router.get("/v1/imports/{import_id}/lines", summary="Lines of an import 逐行结果")
async def list_lines(
    caller: Watcher,
    session: Reading,
    paging: Paging,
    import_id: UUID,
    fate: Annotated[list[Fate] | None, Query(max_length=6, description="Only of these fates 按结果筛选")] = None,
) -> Page[ImportLineOut]:
    """Return what became of each line, in the order of the sheet."""
    await service.get_import(session, caller, import_id)
    after = paging.after[0] if paging.after else 0
    rows = await repository.lines_of(session, import_id, fates=fate or (), after=after, limit=paging.size + 1)
    return paging.page(rows, key=lambda row: (row.line,), view=line_out)


@router.get(
    "/v1/imports/{import_id}/report",
    summary="The table with its results 导入结果表",
    response_class=Response,
    responses=_FILE,
)
async def download_report(
    caller: Watcher,
    session: Reading,
    import_id: UUID,
    kind: Annotated[FileFormat, Query(alias="format")] = FileFormat.XLSX,
) -> Response:
    """Return the original rows with what became of each, to be mended and sent again.

    The file is kept for 30 days; after that the report has the numbers of the lines and no more of them.
    """
    row = await service.get_import(session, caller, import_id)
    lines = await service.all_lines(session, import_id)
    if not lines:
        raise NothingToReport
    content = await repository.file_of(session, import_id)
    async with _writing:
        table = await asyncio.to_thread(read_table, bytes(content), FileFormat(row.format), LAYOUT) if content else None
        return _as_file(await asyncio.to_thread(written_report, kind, table, lines), kind, f"import-{row.id}")


@router.post("/v1/imports/{import_id}/cancel", summary="Cancel an import 取消导入")
async def cancel_import(
    caller: Importer, session: Writing, response: Response, expected: ExpectedVersion, import_id: UUID
) -> ImportOut:
    """Let an import end where it is; cases that it has filed stay."""
    await service.get_import(session, caller, import_id)
    row = await repository.lock_import(session, import_id)
    if row is None:
        raise NotFound
    check_version(expected, row.version, import_out(row))
    await service.cancel_import(session, row)
    set_etag(response, row.version)
    return import_out(row)
