"""Imports: spreadsheets of thousands of rows become cases, once, with a report on every line."""
