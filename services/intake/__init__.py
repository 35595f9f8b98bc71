"""Intake: takes cases from their first word to the requester's verdict."""
