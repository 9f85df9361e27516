"""Formats where the name stands between markers of its own and the arguments are a JSON object behind it."""
