"""People and the roles they hold at areas."""
