"""What an area covers: itself and everything below it."""

__all__ = ["covers"]


def covers(coverage: str, path: str) -> bool:
    """Tell whether the area of a path is the covered one or lies below it."""
    return path == coverage or path.startswith(coverage + ".")
