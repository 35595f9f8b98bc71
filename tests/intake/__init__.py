"""The intake, by its rules and over HTTP."""
