"""Requests meant to hurt: valid ones of every route, changed at random, and what the service made of them."""
