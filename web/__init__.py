"""The HTTP edge: OpenAI's endpoints, each call a job in the queue."""
