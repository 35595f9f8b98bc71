"""Contacts: how to reach whoever another app spoke for; sealed, and lifted for a purpose that is written down."""
