"""Personal data at rest and on screen: sealed by field, found by a blind index, masked, disclosed with a purpose."""
