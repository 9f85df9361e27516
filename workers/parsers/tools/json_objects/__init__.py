"""Formats where a call is a JSON object that holds the name and the arguments, between markers or bare."""
