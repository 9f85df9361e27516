"""Small real models from PyPI packages, so that a fresh machine serves inference without a hub account."""
