"""Measured comparisons; each prints a table of one run."""
