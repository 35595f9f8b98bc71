"""The kernel: what at least two services need, without a word of their trade in it."""
