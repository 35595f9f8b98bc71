"""The only door: checks who is calling, limits how fast, forwards bytes, and shows one API document for everything."""
