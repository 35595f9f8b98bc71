"""Visits 走访: who was where, whom they reached, what was heard, and what became of it."""
