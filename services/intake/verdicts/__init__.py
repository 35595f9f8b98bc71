"""Verdicts: the requester is asked, the answers are configuration, neighbours confirm, and silence ends the asking."""
