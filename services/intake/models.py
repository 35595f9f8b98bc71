"""The intake's schema: the base of its tables, the kernel's tables, and its copies of areas and units."""

from sqlalchemy import Index, text
from sqlalchemy.orm import Mapped, mapped_column

from shared.db import Xid8, kernel_models, reference_models, service_base

__all__ = ["Base", "TouchedRow", "reference"]


class Base(service_base("intake")):  # type: ignore[misc]
    """Declarative base of the intake."""

    __abstract__ = True


class TouchedRow:
    """A row that phones hold: the transaction that last changed it, written by the trigger `touch_changed_xid`.

    Its table has an index on (tenant_id, changed_xid), and its entity a line in `intake.sync.entities`.
    """

    changed_xid: Mapped[int] = mapped_column(
        Xid8(), server_default=text("pg_current_xact_id()"), deferred=True, sort_order=99
    )


kernel_models(Base)
reference = reference_models(Base, TouchedRow)
for _name in ("areas", "units"):
    _columns = Base.metadata.tables[f"intake.{_name}"].c
    Index(f"{_name}_changed_idx", _columns.tenant_id, _columns.changed_xid)
