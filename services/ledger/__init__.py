"""Ledger: books, funds, grants and payments; right first, then open, then fast."""
