"""Suggestions: open cases that somebody may be about to file once more."""
