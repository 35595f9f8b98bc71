"""Tests of the `linli` command, of the embedded servers, and of the description of the containers."""
