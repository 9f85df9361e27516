"""Vectors and scores beside sentence-transformers', from the same folders."""
