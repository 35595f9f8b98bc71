"""Tenant packs and the stories told with them.

A client like any other: everything goes over HTTP through the gateway. There are no test hooks, no direct database
writes and no imports from the services, so what works here works for a stranger with the same tokens.
"""
