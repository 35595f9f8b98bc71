"""The directory, by its rules and over HTTP."""
