"""What the multimodal engine has beyond the text engine: pictures in prompts."""
