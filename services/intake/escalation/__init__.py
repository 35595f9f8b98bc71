"""Escalation: warnings, the ladder up the area tree, and the end of asking; each rung once, whoever looks."""
