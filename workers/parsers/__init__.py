"""From a model's text to its thinking, its answer and its tool calls: a file a format. No MLX here."""
