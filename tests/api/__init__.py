"""Tests of every route at once, from the API documents."""
