"""Coverage 走访覆盖: the figures of an area's visits, inspections and hazards, each of them a count."""
