"""The property company's book 物业一本账: what a compound was charged, what came in, what it was spent on."""
