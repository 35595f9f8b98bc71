"""Devices and preferences: by what somebody can be reached outside the inbox, and whether they wish to be."""
