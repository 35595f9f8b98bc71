"""Funds 共建基金: money with a charter, and who has given what."""
