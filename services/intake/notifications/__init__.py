"""Notifications: whoever is concerned hears of every step, in an inbox and, if they wish, on their phone."""
