"""Campaigns 众筹: many give to one goal; it is settled or everybody gets theirs back, never both."""
