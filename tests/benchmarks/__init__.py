"""Benchmarks: each prints its figures beside the targets, and exists so that nobody has to believe a number."""
