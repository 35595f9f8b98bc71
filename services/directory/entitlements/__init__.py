"""Entitlements: who is entitled to what, kept by officers, and told to others only as yes or no."""
