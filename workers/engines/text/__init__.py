"""What a text engine is made of."""

from mlxq.without import without

# huggingface_hub takes it along, and where rich is installed it has a command line that takes longer than the rest.
with without("rich", "pygments"):
    import httpx  # noqa: F401
