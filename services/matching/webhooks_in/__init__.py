"""Webhooks in: partners push their offers in signed batches, and read what became of each line."""
