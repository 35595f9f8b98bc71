"""Tests of the gateway: a real server before it, real services or broken ones behind it, a real Valkey beside it."""
