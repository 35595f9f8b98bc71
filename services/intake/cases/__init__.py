"""Cases: what somebody raised, who handles it, and whether the one who raised it is content."""
