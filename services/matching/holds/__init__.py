"""Holds 占用: two phases for anything scarce, a time or a quantity. Held, then agreed on by both sides, or given up."""
