"""Tables as people send them: text whose encoding nobody tells, and cells that a spreadsheet must not calculate."""

from shared.tables.cells import as_harmless, as_meant
from shared.tables.encodings import UnreadableText, decoded

__all__ = ["UnreadableText", "as_harmless", "as_meant", "decoded"]
