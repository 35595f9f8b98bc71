"""From rows to representations."""

from services.intake.imports.models import Import, ImportLine
from services.intake.imports.rules import COLUMNS, Fate
from services.intake.imports.schemas import ComplaintOut, CountsOut, ImportLineOut, ImportOut
from shared.clock import utc_now

__all__ = ["import_out", "line_out"]


def import_out(row: Import) -> ImportOut:
    """Show an import."""
    until = row.finished_at or utc_now()
    return ImportOut(
        id=row.id,
        source=row.source,
        file_name=row.file_name,
        format=row.format,
        dry_run=row.dry_run,
        state=row.state,
        size_bytes=row.size_bytes,
        sha256=bytes(row.sha256).hex(),
        unknown_columns=row.unknown_columns,
        rows=row.rows,
        done_rows=row.next_row,
        counts=CountsOut.model_validate({fate.value: row.counts.get(fate.value, 0) for fate in Fate}),
        problem=row.problem,
        importer_id=row.importer_id,
        created_at=row.created_at,
        started_at=row.started_at,
        finished_at=row.finished_at,
        seconds=round((until - row.started_at).total_seconds(), 3) if row.started_at else None,
        version=row.version,
    )


def line_out(row: ImportLine) -> ImportLineOut:
    """Show a line."""
    return ImportLineOut(
        line=row.line,
        fate=Fate(row.fate),
        case_id=row.case_id,
        number=row.number,
        complaints=[
            ComplaintOut(
                column=one["column"],
                header=COLUMNS[one["column"]][0],
                code=one["code"],
                detail_zh=one["zh"],
                detail_en=one["en"],
                value=one["value"],
            )
            for one in row.complaints
        ],
    )
