"""Use cases of imports: a file is taken in, its lines become cases, and whoever sent it reads what became of each."""

import hashlib
from collections.abc import Sequence
from datetime import datetime
from typing import Final
from uuid import UUID

from services.intake.imports import repository
from services.intake.imports.models import Import, ImportLine
from services.intake.imports.rules import ImportState
from services.intake.imports.running import LEASE, Weighed, file_chunk
from services.intake.imports.schemas import UploadQuery
from shared.auth import Principal, Role
from shared.clock import utc_now
from shared.db import Session, WriteSession
from shared.ids import new_id
from shared.problems import BadRequest, IdTaken, NotFound, Unauthenticated, WrongState
from shared.reference.names import chain_of_names
from shared.tables import BrokenTable, FileFormat, Table
from shared.texts import Text

__all__ = [
    "IMPORTERS",
    "all_lines",
    "areas_within",
    "cancel_import",
    "fail_import",
    "finish_reading",
    "forget_files",
    "get_import",
    "pause",
    "reach_of",
    "take_in",
    "take_turn",
    "watchers_paths",
    "write_chunk",
]

IMPORTERS: Final = (Role.OFFICER, Role.SECRETARY, Role.ADMINISTRATOR)
_WATCHERS: Final = (Role.SECRETARY, Role.ADMINISTRATOR, Role.AUDITOR)
_ATTEMPTS_MAX: Final = 5
_UUID7: Final = 7
_OPEN: Final = frozenset({ImportState.QUEUED, ImportState.READING, ImportState.RUNNING})


class WrongImportId(BadRequest):
    """A client-made id is a UUID of version 7."""

    code = "id_not_uuid7"
    title = Text(zh="自带编号须为 UUIDv7", en="An id made by the client is a UUIDv7")


def reach_of(caller: Principal) -> list[str]:
    """Return the paths at or below which somebody may import."""
    return list(caller.paths(*IMPORTERS))


def watchers_paths(caller: Principal) -> tuple[str, ...]:
    """Return the paths below which somebody may look at the imports of others."""
    return caller.paths(*_WATCHERS)


async def take_in(
    session: WriteSession, caller: Principal, wanted: UploadQuery, content: bytes, kind: FileFormat
) -> tuple[Import, bool]:
    """Keep a file to be imported; the same id with the same file again is the same import.

    Returns:
        The import and whether it is new.
    """
    if caller.subject_id is None:
        raise Unauthenticated
    if wanted.id is not None and wanted.id.version != _UUID7:
        raise WrongImportId(pointer="/query/id")
    row = Import(
        tenant_id=session.tenant,
        id=wanted.id or new_id(),
        source=wanted.source,
        file_name=wanted.file_name,
        format=kind.value,
        dry_run=wanted.dry_run,
        state=ImportState.QUEUED.value,
        content=content,
        sha256=hashlib.sha256(content).digest(),
        size_bytes=len(content),
        importer_id=caller.subject_id,
        actor=caller.actor,
        reach=reach_of(caller),
        unknown_columns=[],
        next_row=0,
        counts={},
        attempts=0,
        created_at=utc_now(),
        version=1,
    )
    if await repository.add_import(session, row):
        return row, True
    earlier = await repository.find_import(session, row.id)
    if earlier is None or _asked(earlier) != _asked(row):
        raise IdTaken(pointer="/query/id")
    return earlier, False


def _asked(row: Import) -> tuple[object, ...]:
    return (row.importer_id, row.source, row.file_name, row.dry_run, bytes(row.sha256))


async def get_import(session: Session, caller: Principal, import_id: UUID) -> Import:
    """Return an import to whoever made it, and to those who look after all that it could reach."""
    found = await repository.find_import(session, import_id)
    if found is None or not _may_see(caller, found):
        raise NotFound
    return found


def _may_see(caller: Principal, found: Import) -> bool:
    if found.importer_id == caller.subject_id:
        return True
    return bool(found.reach) and all(caller.has(*_WATCHERS, at=path) for path in found.reach)


async def cancel_import(session: WriteSession, found: Import) -> None:
    """Let an import end where it is; what it has filed stays. The import is locked by the caller."""
    if ImportState(found.state) not in _OPEN:
        raise WrongState
    _end(found, ImportState.CANCELLED)
    await session.flush()


def _end(found: Import, state: ImportState) -> None:
    found.state = state.value
    found.finished_at = utc_now()
    found.lease_id = found.lease_until = None
    found.version += 1


async def take_turn(session: WriteSession) -> Import | None:
    """Take an import that nobody is at, to read it (again). One that has brought down several workers is given up."""
    now = utc_now()
    found = await repository.claim_import(session, now, lease_id=new_id(), until=now + LEASE)
    if found is None:
        return None
    if found.attempts > _ATTEMPTS_MAX:
        found.problem = {"code": "gave_up"}
        _end(found, ImportState.FAILED)
    elif found.state == ImportState.QUEUED:
        found.state = ImportState.READING.value
        found.started_at = now
        found.version += 1
    return found


async def finish_reading(session: WriteSession, import_id: UUID, lease_id: UUID, table: Table) -> bool:
    """Note what a file holds; returns False when the import is no longer ours."""
    found = await _ours(session, import_id, lease_id)
    if found is None:
        return False
    if found.state == ImportState.READING:
        found.state = ImportState.RUNNING.value
        found.rows = len(table.rows)
        found.unknown_columns = table.unknown
        found.version += 1
    return True


async def fail_import(session: WriteSession, import_id: UUID, lease_id: UUID, why: BrokenTable) -> None:
    """End an import whose file cannot be read."""
    found = await _ours(session, import_id, lease_id)
    if found is not None:
        found.problem = {"code": why.code, "title_zh": why.title.zh, "title_en": why.title.en, **why.extra}
        _end(found, ImportState.FAILED)


async def _ours(session: WriteSession, import_id: UUID, lease_id: UUID) -> Import | None:
    found = await repository.lock_import(session, import_id)
    return found if found is not None and found.lease_id == lease_id else None


async def write_chunk(
    session: WriteSession,
    held: tuple[UUID, UUID],
    start: int,
    weighed: Sequence[Weighed],
    numbers: dict[int, str],
) -> bool:
    """Write a chunk, if the import is still ours and stands where we think.

    Args:
        session: the transaction of the chunk.
        held: the import and the lease by which it is held.
        start: the number of rows before the chunk.
        weighed: the chunk; an empty one ends the import.
        numbers: for lines that may be filed.

    Returns:
        Whether to go on.
    """
    found = await _ours(session, *held)
    if found is None or found.next_row != start:
        return False
    if not weighed:
        _end(found, ImportState.DONE)
        return False
    # A worker that gets through a chunk is not brought down by the file.
    found.attempts = 0
    await file_chunk(session, found, weighed, numbers)
    return True


async def pause(session: WriteSession, import_id: UUID, lease_id: UUID) -> None:
    """Let go of an import that is not done; whoever comes next goes on with it."""
    found = await _ours(session, import_id, lease_id)
    if found is not None:
        found.lease_id = found.lease_until = None
        found.attempts = 0


async def all_lines(session: Session, import_id: UUID) -> dict[int, ImportLine]:
    """Return all lines of an import by their number."""
    found: dict[int, ImportLine] = {}
    after = 0
    while page := await repository.lines_of(session, import_id, fates=(), after=after, limit=5_000):
        found.update({row.line: row for row in page})
        after = page[-1].line
    return found


async def forget_files(session: WriteSession, before: datetime) -> None:
    """Remove the files of what was finished before a time; the fates of their lines stay."""
    await repository.forget_files(session, before)


async def areas_within(session: Session, reach: Sequence[str]) -> list[tuple[str, str]]:
    """Return path and full name of the open areas in which somebody may file."""
    areas = await repository.all_areas(session)
    names = {path: name for _, path, name, _ in areas}
    within = (path for _, path, _, is_open in areas if is_open and any(f"{path}.".startswith(f"{at}.") for at in reach))
    return [(path, "/".join(chain_of_names(path, names))) for path in within]
