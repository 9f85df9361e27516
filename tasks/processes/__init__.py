"""Which processes live, and the loops that they run."""
