"""Anonymous cases: a token follows the case, who raised it is sealed, and every unsealing is seen."""
