"""Outgoing webhooks: what happened, told to the endpoints of the partners whom it concerns, and tried until it is."""
