"""Judges one PDF, alone in a process of its own: `python pdf_check.py < sent.pdf > kept.pdf`.

A PDF is a program's file format, read by a C++ library from strangers' bytes: whatever it makes the library do, it does
it to this process, which has little memory and little time. Well-formed documents without anything that runs, opens or
carries other files are written anew, so that nothing of the sender's bytes around them is kept: no earlier revisions,
no trailing data, no names of authors. Exit status 3, and one word on standard error, tell why a document is refused.
"""

import io
import sys
from collections.abc import Iterator
from typing import Any, Final

import pikepdf

__all__ = ["REFUSED", "checked"]

REFUSED: Final = 3
_MEMORY_BYTES: Final = 1024 * 1024 * 1024
_CPU_S: Final = 10
_PAGES_MAX: Final = 500
_OBJECTS_MAX: Final = 100_000
_NODES_MAX: Final = 2_000_000
_KEYS: Final = frozenset(
    {"/EF", "/EmbeddedFile", "/EmbeddedFiles", "/JS", "/JavaScript", "/Launch", "/RichMediaContent", "/XFA"}
)
_ACTIONS: Final = frozenset(
    {"/GoToE", "/GoToR", "/ImportData", "/JavaScript", "/Launch", "/Movie", "/Rendition", "/Sound", "/SubmitForm"}
)
_KINDS: Final = frozenset({"/3D", "/EmbeddedFile", "/FileAttachment", "/Movie", "/RichMedia", "/Screen", "/Sound"})


class _Refused(Exception):
    """Why, in one word."""


def checked(content: bytes) -> bytes:
    """Return the document written anew.

    Raises:
        _Refused: it is encrypted, carries something active, has something after its end, or is too large.
        pikepdf.PdfError: it is not well-formed.
    """
    end = content.rfind(b"%%EOF")
    if not content.startswith(b"%PDF-") or end < 0 or content[end + 5 :].strip(b"\0\t\n\f\r "):
        word = "trailing_data" if end >= 0 else "broken_document"
        raise _Refused(word)
    with pikepdf.open(io.BytesIO(content), attempt_recovery=False, suppress_warnings=True) as document:
        if document.is_encrypted:
            word = "encrypted_document"
            raise _Refused(word)
        if not 1 <= len(document.pages) <= _PAGES_MAX or len(document.objects) > _OBJECTS_MAX:
            word = "document_too_large"
            raise _Refused(word)
        for node in _nodes(document):
            _look(node)
        for name in ("/Metadata", "/PieceInfo"):
            if name in document.Root:
                del document.Root[name]
        if "/Info" in document.trailer:
            del document.trailer["/Info"]
        output = io.BytesIO()
        document.save(output, linearize=False)
    return output.getvalue()


def _nodes(document: pikepdf.Pdf) -> Iterator[Any]:
    """Yield every dictionary of a document, also those that stand inside of others."""
    seen = 0
    stack: list[Any] = [document.trailer, *document.objects]
    while stack:
        node = stack.pop()
        seen += 1
        if seen > _NODES_MAX:
            word = "document_too_large"
            raise _Refused(word)
        if isinstance(node, pikepdf.Array):
            stack += [item for item in node if _is_inner(item)]
        elif isinstance(node, pikepdf.Dictionary | pikepdf.Stream):
            yield node
            stack += [item for item in dict(node.items()).values() if _is_inner(item)]


def _is_inner(item: Any) -> bool:  # noqa: ANN401 - pikepdf gives numbers and texts as Python's own
    return isinstance(item, pikepdf.Array | pikepdf.Dictionary) and not item.is_indirect


def _look(node: Any) -> None:  # noqa: ANN401 - a dictionary or a stream
    named = {key: node.get(key) for key in ("/S", "/Subtype", "/Type")}
    words = {key: str(value) for key, value in named.items() if isinstance(value, pikepdf.Name)}
    active = _KEYS & set(node.keys()) or words.get("/S") in _ACTIONS
    if active or words.get("/Subtype") in _KINDS or words.get("/Type") in _KINDS:
        word = "active_content"
        raise _Refused(word)


def main() -> int:
    """Judge standard input."""
    if sys.platform != "win32":
        resource.setrlimit(resource.RLIMIT_AS, (_MEMORY_BYTES, _MEMORY_BYTES))
        resource.setrlimit(resource.RLIMIT_CPU, (_CPU_S, _CPU_S))
    try:
        kept = checked(sys.stdin.buffer.read())
    except _Refused as refused:
        sys.stderr.write(str(refused))
        return REFUSED
    except (pikepdf.PdfError, ValueError, TypeError, RuntimeError, MemoryError, RecursionError):
        sys.stderr.write("broken_document")
        return REFUSED
    sys.stdout.buffer.write(kept)
    return 0


if sys.platform != "win32":
    import resource

if __name__ == "__main__":
    sys.exit(main())
