"""Supervision of orders 督单: the community demands an answer by a date; about late orders by itself."""
