"""What the engine that speaks is made of."""
