"""Facts: what figures are counted from. One row a case, one a step, one a day, each a function of the history alone."""
