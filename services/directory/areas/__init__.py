"""The tree of areas with its boundaries: closed when it is redrawn, never deleted."""
