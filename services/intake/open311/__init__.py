"""Open311 GeoReport v2: the door for civic apps that exist already. They speak its words, in XML or JSON."""
