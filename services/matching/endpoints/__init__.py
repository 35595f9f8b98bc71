"""Endpoints: where partners want to hear of what concerns them, of which events, and the keys that sign for them."""
