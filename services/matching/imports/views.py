"""From rows to representations, and to the tables that are sent back."""

from collections.abc import Sequence
from typing import Final

from services.matching.imports.models import OfferImport, OfferImportLine
from services.matching.imports.rules import COLUMNS, EXPLANATIONS, FATES, LAYOUT, Fate
from services.matching.imports.schemas import OfferComplaintOut, OfferCountsOut, OfferImportLineOut, OfferImportOut
from shared.tables import Cell, FileFormat, written_table

__all__ = ["import_out", "line_out", "written_report", "written_template"]

_SHEET: Final = "资源"


def import_out(row: OfferImport) -> OfferImportOut:
    """Show an import."""
    columns = {name: getattr(row, name) for name in OfferImportOut.model_fields if name not in {"sha256", "counts"}}
    counts = OfferCountsOut.model_validate({fate.value: row.counts.get(fate.value, 0) for fate in Fate})
    return OfferImportOut.model_validate({**columns, "sha256": bytes(row.sha256).hex(), "counts": counts})


def line_out(row: OfferImportLine) -> OfferImportLineOut:
    """Show a line."""
    return OfferImportLineOut(
        line=row.line,
        fate=Fate(row.fate),
        external_id=row.external_id,
        title=row.title,
        complaints=[
            OfferComplaintOut(
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


def written_template(kind: FileFormat) -> bytes:
    """Write the table to fill in, with a row that explains it."""
    headers = [names[0] for names in COLUMNS.values()]
    return written_table(kind, headers, [list(EXPLANATIONS)], sheet=_SHEET)


def written_report(kind: FileFormat, lines: Sequence[OfferImportLine]) -> bytes:
    """Write what became of each line, by its number in the sheet."""
    rows: list[list[Cell]] = []
    for line in lines:
        complaints = "；".join(f"{COLUMNS[one['column']][0]}：{one['zh']}" for one in line.complaints)
        rows.append([line.line, line.external_id, line.title, FATES[Fate(line.fate)].zh, complaints])
    return written_table(kind, ["行号", "编号", "名称", *LAYOUT.result_headers], rows, sheet=_SHEET)
