"""Rooms and groups 场地与队伍: what of an offer can be booked for a time."""
