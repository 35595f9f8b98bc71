"""Categories: what a case can be about, as data of each tenant."""
