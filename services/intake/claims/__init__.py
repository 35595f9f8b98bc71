"""Claims: units offer to take a case, one is chosen, and what it holds is a lease that progress renews."""
