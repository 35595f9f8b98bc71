"""Deliveries: what somebody is to be told outside the inbox, sent as push or text message through a port."""
