"""Reading the events of jobs while they run."""
