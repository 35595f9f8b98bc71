"""Lists by keyset: a page costs the same wherever it is, and nobody counts the rest."""

from shared.pagination.cursors import BadCursor, decode_cursor, encode_cursor
from shared.pagination.pages import Page, PageRequest, Paging, page_request

__all__ = ["BadCursor", "Page", "PageRequest", "Paging", "decode_cursor", "encode_cursor", "page_request"]
