"""Networks that turn a text's token ids into a vector a token, with their tokenizers."""

from workers import blas

blas.preload()  # before anything here imports MLX
