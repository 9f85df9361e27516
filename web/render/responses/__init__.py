"""A response as OpenAI's Responses API shows it: whole, as events, and its items."""
