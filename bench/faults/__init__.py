"""`python -m bench.faults`: one fault after the other in the middle of the same load, and what became of all of it."""
