"""Merging: cases about the same trouble become one, everybody stays informed, and it can be taken back."""
