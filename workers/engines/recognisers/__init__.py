"""What the engine of mlx-audio's recognisers is made of."""
