"""Partners 社区合伙人: units that offer something, vetted by an officer."""
