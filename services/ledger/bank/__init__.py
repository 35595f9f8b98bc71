"""Bank 银行对账: what the bank says beside what the book says, to the fen, and what is left unexplained."""
