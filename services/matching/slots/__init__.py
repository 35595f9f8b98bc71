"""Slots 要素: what a need or an offer says, read from its words, corrected by people, and kept as labels."""
