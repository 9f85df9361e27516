"""What a text engine is made of."""

from mlxq.hide_packages import hide_packages

# huggingface_hub takes it along, and where rich is installed it has a command line that takes longer than the rest.
with hide_packages("rich", "pygments"):
    import httpx  # noqa: F401
