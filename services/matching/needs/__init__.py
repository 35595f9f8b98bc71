"""Needs 需求: the demand list, fed by officers and by cases."""
