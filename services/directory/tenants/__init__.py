"""The tenant itself: its names and the time zone that its days are counted in."""
