"""Matching: keeps partners and offers, turns needs into matches and matches into projects."""
