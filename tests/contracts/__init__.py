"""Tests of what the services tell each other."""
