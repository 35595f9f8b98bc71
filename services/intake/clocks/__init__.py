"""Clocks of a case: working time that runs, stands still with a reason, and can be counted again from the history."""
