"""Use cases of forms, and the compiled forms that a process knows.

Forms change seldom and are asked for with every filing. A process keeps the last few hundred, and the filing statement
itself finds out when one of them is old.
"""

from collections.abc import Collection, Mapping
from typing import Any, Final

from services.intake.categories.repository import get_category
from services.intake.forms import repository
from services.intake.forms.models import CategoryForm
from services.intake.forms.rules import ASKS_NOTHING, FIRST_VERSION, BadForm, Form, FormCache, checked_schema, too_large
from services.intake.forms.schemas import FormIn, FormOut
from services.intake.plain_json import size_of
from shared.auth import Principal, Role
from shared.clock import utc_now
from shared.db import Session, WriteSession
from shared.problems import NotFound

__all__ = ["asked_by", "form_of", "form_of_version", "known_form", "publish_form", "show_form"]

_UI_MAX_BYTES: Final = 16 * 1024
_FORMS_KEPT: Final = 200
_known = FormCache(_FORMS_KEPT)


def known_form(tenant: str, category: str) -> Form | None:
    """Return the form that this process last knew of a category; it may be old."""
    return _known.get(tenant, category)


async def form_of(session: Session, category: str) -> Form:
    """Return what a category asks now, ready to try answers on."""
    version = await repository.newest_version(session, category)
    known = _known.get(session.tenant, category)
    if known is not None and known.version == version:
        return known
    row = await repository.find_form(session, category, version)
    form = Form.of(version, row.schema if row is not None else ASKS_NOTHING)
    _known.put(session.tenant, category, form)
    return form


async def form_of_version(session: Session, category: str, version: int) -> Mapping[str, Any]:
    """Return the schema of a version that a case names."""
    known = _known.get(session.tenant, category)
    if known is not None and known.version == version:
        return known.schema
    row = await repository.find_form(session, category, version)
    return row.schema if row is not None else ASKS_NOTHING


async def asked_by(session: Session, categories: Collection[str]) -> dict[str, dict[str, Any]]:
    """Return the newest schemas of some categories by code; what asks nothing is not in it."""
    return {row.category: row.schema for row in await repository.newest_forms(session, categories)}


async def show_form(session: Session, category: str, version: int | None = None) -> FormOut:
    """Show a version of a category's form, or the newest.

    Raises:
        NotFound: no such category, or it never had such a version.
    """
    row = await repository.find_form(session, category, version)
    if row is not None:
        return FormOut(
            category=category,
            version=row.version,
            schema=row.schema,
            ui=row.ui,
            published_by=row.published_by,
            published_at=row.published_at,
        )
    if version not in (None, FIRST_VERSION) or await get_category(session, category) is None:
        raise NotFound
    return FormOut(
        category=category, version=FIRST_VERSION, schema=dict(ASKS_NOTHING), ui={}, published_by=None, published_at=None
    )


async def publish_form(session: WriteSession, caller: Principal, category: str, seen: int, wanted: FormIn) -> bool:
    """Let a category ask something else from now on; cases keep the version that they were asked.

    Returns:
        Whether it was published; not when somebody else has published meanwhile.

    Raises:
        BadForm: with a pointer to each place that is wrong.
    """
    caller.must(Role.ADMINISTRATOR, rule="administrators_keep_categories")
    if await get_category(session, category) is None:
        raise NotFound
    checked_schema(wanted.questions)
    if size_of(wanted.ui) > _UI_MAX_BYTES:
        raise BadForm(errors=[too_large("/ui", _UI_MAX_BYTES)])
    row = CategoryForm(
        tenant_id=session.tenant,
        category=category,
        version=seen + 1,
        schema=wanted.questions,
        ui=wanted.ui,
        published_by=caller.actor,
        published_at=utc_now(),
    )
    newest = await repository.newest_version(session, category)
    return newest == seen and await repository.add_form(session, row)
