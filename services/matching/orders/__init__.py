"""Orders 点单: a resident books, the partner accepts and delivers with proof, the requester rates."""
