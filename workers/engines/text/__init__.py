"""What a text engine is made of."""
