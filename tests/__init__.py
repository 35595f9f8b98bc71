"""Tests of the house, beside the packages that they test."""
