"""Periods 账期: opened in their order, closed once all is in, and stated to everybody."""
