"""Recurring orders 定期点单: one rule, and each of its days becomes an order ahead of time."""
