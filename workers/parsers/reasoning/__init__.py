"""A reasoning format a file."""
