"""Operations of phones that are done, so that none is done twice."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import LargeBinary, String
from sqlalchemy.orm import Mapped, mapped_column

from services.intake.models import Base

__all__ = ["SyncOperation"]


class SyncOperation(Base):
    """One operation, written in the transaction of its effect. `version` is what the object had after it."""

    __tablename__ = "sync_operations"
    tenant_id: Mapped[str] = mapped_column(String(32), primary_key=True)
    op_id: Mapped[UUID] = mapped_column(primary_key=True)
    actor: Mapped[str] = mapped_column(String(80))
    fingerprint: Mapped[bytes] = mapped_column(LargeBinary)
    entity: Mapped[str] = mapped_column(String(40))
    object_id: Mapped[UUID]
    action: Mapped[str] = mapped_column(String(40))
    base_version: Mapped[int | None]
    version: Mapped[int]
    # When somebody did it on the phone, by the phone's clock; the step has the time of the house.
    made_at: Mapped[datetime]
    done_at: Mapped[datetime]
