"""Accidents that will pass are told so; the others are errors of ours."""

import asyncpg
from sqlalchemy.exc import DBAPIError

from shared.problems import is_away


def test_a_connection_whose_server_is_dying_is_away_and_a_confused_driver_is_not() -> None:
    dying = asyncpg.InternalClientError("cannot switch to state 15; another operation (2) is in progress")
    wrapped = DBAPIError("SELECT 1", {}, Exception("adapted"))
    wrapped.orig.__cause__ = dying  # type: ignore[union-attr]
    assert is_away(dying)
    assert is_away(wrapped)
    assert not is_away(asyncpg.InternalClientError("cannot switch to state 15; another operation (12) is in progress"))
