"""A service's own copy of the directory's areas and units, kept by events: it answers without asking anybody."""

from shared.reference.copies import find_area, find_unit, reference_consumers

__all__ = ["find_area", "find_unit", "reference_consumers"]
