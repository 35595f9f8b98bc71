"""The one API document for everything, and the pages that show it."""
