"""Tests that guard how the house is built."""
