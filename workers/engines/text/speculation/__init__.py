"""Speculative decoding: tokens are drafted, and the model checks them all in one forward pass.

Leviathan et al., "Fast Inference from Transformers via Speculative Decoding" (arXiv 2211.17192). Every token is drawn
with the random numbers that belong to its place, so a draft is right when it is what the model draws there, and the
answer is token for token what the model writes by itself, whatever its settings.
"""
