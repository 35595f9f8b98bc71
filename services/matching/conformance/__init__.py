"""Conformance runs 联调检验: a partner shows that its sender does the eight things that matter, each with a pass or a
reason.
"""
