"""Invoices: what a grant pays for, once, and by somebody who neither asked for it nor approved it."""
