"""Drafts: cases that somebody is still writing, on whatever device they go on with."""
