"""Reversals and refunds 冲正与退款: nothing is erased, it is posted back, once and never more than it was."""
