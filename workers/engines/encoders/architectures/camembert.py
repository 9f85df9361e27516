"""CamemBERT, which is RoBERTa with another vocabulary."""

from workers.engines.encoders.architectures.roberta import NAMES, ROOT, network

__all__ = ["NAMES", "ROOT", "network"]
