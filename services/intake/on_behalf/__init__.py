"""Cases that staff write down for others: heard at a door, on the telephone, in an enterprise, at a council."""
