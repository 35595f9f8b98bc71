"""Faults: the real house, broken on purpose, with a checker that knows what was acknowledged."""
