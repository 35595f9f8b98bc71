"""Contracts 合同: a supplier's work under a grant, its money held, its result accepted before it is paid."""
