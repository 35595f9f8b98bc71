"""Sync: what a phone holds offline is brought up to date, and what was done on it offline is done here."""
