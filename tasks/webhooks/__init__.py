"""Webhooks: what is owed to them, and who sends it."""
