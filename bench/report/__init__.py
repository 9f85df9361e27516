"""`make bench`: ours beside others, in one run, as one report."""
