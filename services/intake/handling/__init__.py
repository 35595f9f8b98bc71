"""How a tenant handles cases: time limits, ladders, pauses, leases and the questions of feedback, as data."""
