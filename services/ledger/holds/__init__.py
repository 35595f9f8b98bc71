"""Holds 冻结: money reserved and not yet spent; settled, voided or expired, once."""
