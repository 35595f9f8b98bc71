"""Shapes of imports."""

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from pydantic import BaseModel, Field, StringConstraints

from services.intake.imports.rules import Fate, ImportState
from shared.tables import FileFormat
from shared.web import OutputModel

__all__ = ["ImportLineOut", "ImportOut", "UploadQuery"]

Source = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9_-]{1,39}$")]


class UploadQuery(BaseModel):
    """What is said of a file beside its content."""

    source: Annotated[
        Source, Field(description="Where the rows come from, like `hotline-2026`; known rows are known by it 来源")
    ]
    dry_run: Annotated[bool, Field(description="Only judge the lines, file nothing 试运行")] = False
    id: Annotated[UUID | None, Field(description="Made by the client (UUIDv7) 自带编号")] = None
    file_name: Annotated[str | None, Field(min_length=1, max_length=200, pattern=r"^[^\x00]*$")] = None


class CountsOut(OutputModel):
    """How many lines had which fate."""

    filed: int
    good: int
    unchanged: int
    changed_elsewhere: int
    repeated: int
    bad: int


class ImportOut(OutputModel):
    """An import; `rows` is null until it is read, `problem` tells why the file as a whole was refused."""

    id: UUID
    source: str
    file_name: str | None
    format: FileFormat
    dry_run: bool
    state: ImportState
    size_bytes: int
    sha256: str
    unknown_columns: list[str]
    rows: int | None
    done_rows: int
    counts: CountsOut
    problem: dict[str, Any] | None
    importer_id: UUID
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    seconds: float | None
    version: int


class ComplaintOut(OutputModel):
    """What is wrong with a cell, or to be known of a line."""

    column: str
    header: str
    code: str
    detail_zh: str
    detail_en: str
    value: str


class ImportLineOut(OutputModel):
    """What became of a line; its number is that of the sheet."""

    line: int
    fate: Fate
    case_id: UUID | None
    number: str | None
    complaints: list[ComplaintOut]
