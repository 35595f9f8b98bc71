"""Keys with which partners sign what they send: sealed, shown once, replaced without an interruption, revoked."""
