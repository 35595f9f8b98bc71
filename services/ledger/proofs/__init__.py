"""Proofs 存证: every posting is a leaf of its book's Merkle log, whose heads are signed for everybody to keep."""
