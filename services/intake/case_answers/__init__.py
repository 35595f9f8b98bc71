"""Answers to a category's questions that are given, or mended, after a case was filed."""
