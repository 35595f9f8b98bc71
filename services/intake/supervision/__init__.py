"""Supervision orders 督办单: a written demand for an answer by a date, with a clock of its own."""
