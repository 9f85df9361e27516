"""Webhooks: their deliveries, and who sends them."""
