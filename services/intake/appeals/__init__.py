"""Appeals: the requester asks somebody else to look at the level, or at why the case was declined."""
