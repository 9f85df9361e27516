"""Batches: what their owners ask and see, and how their lines run."""
