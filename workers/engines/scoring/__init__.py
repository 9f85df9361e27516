"""What the rerank engine is made of: how a query and a document become tokens, and a network's states a score."""
