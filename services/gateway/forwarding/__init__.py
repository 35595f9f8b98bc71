"""The way of a request to its service and of the answer back."""
