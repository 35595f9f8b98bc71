"""Matches 对接: proposed pairs of need and offer, each with the whole reason, decided by a person."""
