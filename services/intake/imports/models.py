"""Tables of imports: the file with how far it was read, each line's fate, and by what rows are known again."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ARRAY, CheckConstraint, ForeignKeyConstraint, Index, Integer, LargeBinary, String, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from services.intake.imports.rules import Fate, ImportState
from services.intake.models import Base
from shared.db import TenantRow
from shared.tables import FileFormat

__all__ = ["Import", "ImportKey", "ImportLine"]


def _one_of(column: str, values: type[Fate | FileFormat | ImportState]) -> str:
    return f"{column} IN ({', '.join(repr(value.value) for value in values)})"


class Import(TenantRow, Base):
    """One file on its way. `next_row` counts the rows that have their fate; whoever holds the lease goes on there."""

    __tablename__ = "imports"
    __table_args__ = (
        CheckConstraint(_one_of("state", ImportState), name="state"),
        CheckConstraint(_one_of("format", FileFormat), name="format"),
        CheckConstraint(
            "(state IN ('queued', 'reading', 'running')) = (finished_at IS NULL)"
            " AND (content IS NOT NULL OR finished_at IS NOT NULL)",
            name="finished",
        ),
        Index("imports_open_idx", "tenant_id", "created_at", postgresql_where=text("finished_at IS NULL")),
        Index("imports_file_idx", "tenant_id", "finished_at", postgresql_where=text("content IS NOT NULL")),
    )
    source: Mapped[str] = mapped_column(String(40))
    file_name: Mapped[str | None] = mapped_column(String(200))
    format: Mapped[str] = mapped_column(String(4))
    dry_run: Mapped[bool]
    state: Mapped[str] = mapped_column(String(10))
    content: Mapped[bytes | None] = mapped_column(LargeBinary, deferred=True)
    sha256: Mapped[bytes] = mapped_column(LargeBinary)
    size_bytes: Mapped[int] = mapped_column(Integer)
    importer_id: Mapped[UUID]
    actor: Mapped[str] = mapped_column(String(80))
    reach: Mapped[list[str]] = mapped_column(ARRAY(String(400)))
    unknown_columns: Mapped[list[str]] = mapped_column(ARRAY(String(60)))
    rows: Mapped[int | None]
    next_row: Mapped[int]
    counts: Mapped[dict[str, int]] = mapped_column(JSONB)
    problem: Mapped[dict[str, Any] | None] = mapped_column(JSONB(none_as_null=True))
    lease_id: Mapped[UUID | None]
    lease_until: Mapped[datetime | None]
    attempts: Mapped[int]
    created_at: Mapped[datetime]
    started_at: Mapped[datetime | None]
    finished_at: Mapped[datetime | None]
    version: Mapped[int]


class ImportLine(Base):
    """What became of a line; `line` is its number in the sheet."""

    __tablename__ = "import_lines"
    __table_args__ = (
        ForeignKeyConstraint(["tenant_id", "import_id"], ["intake.imports.tenant_id", "intake.imports.id"]),
        CheckConstraint(_one_of("fate", Fate), name="fate"),
        Index("import_lines_fate_idx", "tenant_id", "import_id", "fate", "line"),
    )
    tenant_id: Mapped[str] = mapped_column(String(32), primary_key=True)
    import_id: Mapped[UUID] = mapped_column(primary_key=True)
    line: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    fate: Mapped[str] = mapped_column(String(20))
    case_id: Mapped[UUID | None]
    number: Mapped[str | None] = mapped_column(String(20))
    complaints: Mapped[list[dict[str, str]]] = mapped_column(JSONB)


class ImportKey(Base):
    """A row that has become a case, by what it is known within its source, and with the hash of what it said."""

    __tablename__ = "import_keys"
    __table_args__ = (
        ForeignKeyConstraint(["tenant_id", "case_id"], ["intake.cases.tenant_id", "intake.cases.id"]),
        ForeignKeyConstraint(["tenant_id", "import_id"], ["intake.imports.tenant_id", "intake.imports.id"]),
    )
    tenant_id: Mapped[str] = mapped_column(String(32), primary_key=True)
    source: Mapped[str] = mapped_column(String(40), primary_key=True)
    key: Mapped[str] = mapped_column(String(100), primary_key=True)
    row_hash: Mapped[bytes] = mapped_column(LargeBinary)
    case_id: Mapped[UUID]
    number: Mapped[str] = mapped_column(String(20))
    import_id: Mapped[UUID]
    line: Mapped[int]
