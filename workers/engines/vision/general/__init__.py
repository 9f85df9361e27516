"""The way of every architecture that mlx-vlm loads: its own processor and embeddings, a prompt at a time."""
