"""From rows to representations."""

from services.intake.open311_admin.models import Open311Key, Open311Service
from services.intake.open311_admin.schemas import KeyOut, NewKeyOut, ServiceOut

__all__ = ["key_out", "new_key_out", "service_out"]


def key_out(key: Open311Key, area_path: str) -> KeyOut:
    """Show a key without its secret."""
    columns = {name: getattr(key, name) for name in KeyOut.model_fields if name != "area_path"}
    return KeyOut(area_path=area_path, **columns)


def new_key_out(key: Open311Key, area_path: str, secret: str | None) -> NewKeyOut:
    """Show a key with its secret, the one time that it is known."""
    return NewKeyOut(**key_out(key, area_path).model_dump(), api_key=secret)


def service_out(service: Open311Service) -> ServiceOut:
    """Show how a category is offered."""
    columns = {name: getattr(service, name) for name in ServiceOut.model_fields}
    return ServiceOut(**columns | {"keywords": service.keywords.split(", ") if service.keywords else []})
