"""Mediation 调解 of a dispute: voluntary, in confidence, led by whom all parties accept, ended by whoever wants."""
