"""One engine a file, named as its `model_type`; the only folder besides `workers/starter` that imports MLX."""
