"""The contract between the web tier and the workers: jobs, their events, and the queue that carries both."""
