"""Organisations that can be made responsible for something."""
