"""The stack: the `linli` command, which runs the whole house on one machine."""
