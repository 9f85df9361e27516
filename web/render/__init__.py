"""Results and events as OpenAI's API shows them: pure functions, one module a resource."""
