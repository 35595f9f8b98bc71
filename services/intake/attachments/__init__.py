"""Attachments: photos of what is wrong, and of what was done about it."""
