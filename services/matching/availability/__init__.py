"""Availability 可用时段: one answer to "when is this offer free", whatever kind of offer it is."""
