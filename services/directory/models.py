"""The base of all tables of the directory, with the kernel's tables registered on its metadata."""

from shared.db import kernel_models, service_base

__all__ = ["SCHEMA", "Base"]

SCHEMA = "directory"


class Base(service_base(SCHEMA)):  # type: ignore[misc]
    """Declarative base of the directory."""

    __abstract__ = True


kernel_models(Base)
