"""Results and events as OpenAI's and Anthropic's APIs show them: pure functions, one module a resource."""
