"""A tool-call format a file."""
