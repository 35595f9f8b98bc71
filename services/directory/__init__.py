"""The directory: areas, units, people and the roles they hold at areas; signs people in and issues tokens."""
