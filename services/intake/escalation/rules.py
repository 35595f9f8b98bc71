"""Up the area tree, pure."""

__all__ = ["above"]


def above(path: str, levels: int) -> str:
    """Return the area so many levels above; the top of the tree has none above it."""
    parts = path.split(".")
    return ".".join(parts[: max(1, len(parts) - levels)])
