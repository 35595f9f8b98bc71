"""Verifying 复核: everything the ledger says, computed anew from its postings."""
