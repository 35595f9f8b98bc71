"""Statements that are kept: what varies has a name, and what has none is refused."""

import pytest
from sqlalchemy import Integer, bindparam, literal, select

from shared.db import Database, keep

FIRST, LAST = (bindparam(name, type_=Integer) for name in ("first", "last"))


async def test_values_go_where_their_names_are(databases: dict[str, Database], tenant: str) -> None:
    kept = keep(select((LAST - FIRST).label("between"), FIRST.label("again")))
    assert sorted(kept.names) == ["first", "last"]
    async with databases["intake"].read(tenant) as session:
        for first, last in ((1, 9), (5, 2)):
            rows = await kept.rows(session, {"last": last, "not asked for": 7, "first": first})
            assert [dict(row) for row in rows] == [{"between": last - first, "again": first}]
        with pytest.raises(KeyError, match="last"):
            await kept.rows(session, {"first": 1})


def test_a_value_without_a_name_would_stay_for_ever_and_is_refused() -> None:
    with pytest.raises(ValueError, match="param_1"):
        keep(select(LAST - literal(3)))
