"""Supervision of orders 督单: the community demands an answer from a partner by a date; late orders do so by themselves."""
