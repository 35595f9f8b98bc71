"""What administrators say about other civic apps: who may file (keys), and what of which category they may read."""
