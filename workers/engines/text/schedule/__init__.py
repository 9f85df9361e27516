"""Which rows and prompts a step is for."""
