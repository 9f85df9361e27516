"""XLM-RoBERTa (multilingual E5, BGE M3, Arctic Embed 2), which is RoBERTa with another vocabulary."""

from workers.engines.encoders.architectures.roberta import NAMES, ROOT, network

__all__ = ["NAMES", "ROOT", "network"]
