"""The intake's schema: the base of its tables, the kernel's tables, and its copies of areas and units."""

from shared.db import kernel_models, reference_models, service_base

__all__ = ["Base", "reference"]


class Base(service_base("intake")):  # type: ignore[misc]
    """Declarative base of the intake."""

    __abstract__ = True


kernel_models(Base)
reference = reference_models(Base)
