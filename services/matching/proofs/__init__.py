"""Proofs 证明材料: pictures and papers that are named here and kept by the intake, which says whose they are."""
