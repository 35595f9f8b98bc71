"""Routing 派单规则: which unit a case goes to, as numbered sets of rules with tests beside them."""
