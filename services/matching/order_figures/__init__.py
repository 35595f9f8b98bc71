"""Figures of orders: how many, how many in time, how many complaints, by quarter."""
