"""The worker: a process of its own that carries events between the services and does what is due.

The only package that may see several services, and of them only their jobs.
"""
