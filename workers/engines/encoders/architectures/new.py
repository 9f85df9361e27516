"""GTE as its authors' files call it."""

from workers.engines.encoders.architectures.gte import NAMES, ROOT, network

__all__ = ["NAMES", "ROOT", "network"]
