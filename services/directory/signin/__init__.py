"""Signing in and staying signed in: one-time codes, passwords, access tokens, rotating refresh tokens, sessions."""
