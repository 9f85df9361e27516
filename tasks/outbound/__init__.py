"""Calls to addresses that clients name."""
