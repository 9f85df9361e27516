"""Formats where a call is markup: a tag, an element or a pair of tags for each argument."""
