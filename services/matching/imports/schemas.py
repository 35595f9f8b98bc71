"""Shapes of imports of offers."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from pydantic import BaseModel, Field

from services.matching.imports.rules import Fate
from shared.tables import FileFormat
from shared.web import OutputModel

__all__ = ["OfferImportLineOut", "OfferImportOut", "UploadQuery"]


class UploadQuery(BaseModel):
    """What is said of a file beside its content."""

    partner_id: Annotated[UUID, Field(description="Whose offers 合伙人")]
    dry_run: Annotated[bool, Field(description="Only judge the lines, change nothing 试运行")] = False
    id: Annotated[UUID | None, Field(description="Made by the client (UUIDv7) 自带编号")] = None
    file_name: Annotated[str | None, Field(min_length=1, max_length=200, pattern=r"^[^\x00]*$")] = None


class OfferCountsOut(OutputModel):
    """How many lines had which fate."""

    created: int
    updated: int
    unchanged: int
    outdated: int
    repeated: int
    bad: int


class OfferImportOut(OutputModel):
    """A table that was worked off, or tried."""

    id: UUID
    partner_id: UUID
    file_name: str | None
    format: FileFormat
    dry_run: bool
    sha256: str
    size_bytes: int
    rows: int
    unknown_columns: list[str]
    counts: OfferCountsOut
    created_at: datetime


class OfferComplaintOut(OutputModel):
    """What is wrong with a cell."""

    column: str
    header: str
    code: str
    detail_zh: str
    detail_en: str
    value: str


class OfferImportLineOut(OutputModel):
    """What became of a line; its number is that of the sheet."""

    line: int
    fate: Fate
    external_id: str
    title: str
    complaints: list[OfferComplaintOut]
