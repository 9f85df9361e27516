"""`mlxq doctor`: what of this machine and its settings matters, and what is to be done about it."""
