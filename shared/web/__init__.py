"""How a service speaks HTTP: one way to build an app, to open a transaction, to be asked twice and to refuse stale
writes.
"""

from shared.web.app import create_app
from shared.web.conditional import ExpectedVersion, check_version, if_match, set_etag
from shared.web.idempotency import money_moves, show_once
from shared.web.models import ApiModel, InputModel, OutputModel, PlainText, ShortText
from shared.web.routing import service_router
from shared.web.sessions import KeyedWriting, Reading, Writing, begin_reading, begin_writing, database_of

__all__ = [
    "ApiModel",
    "ExpectedVersion",
    "InputModel",
    "KeyedWriting",
    "OutputModel",
    "PlainText",
    "Reading",
    "ShortText",
    "Writing",
    "begin_reading",
    "begin_writing",
    "check_version",
    "create_app",
    "database_of",
    "if_match",
    "money_moves",
    "service_router",
    "set_etag",
    "show_once",
]
