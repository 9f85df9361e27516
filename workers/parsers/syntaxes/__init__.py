"""What several formats share, by the way in which calls are written: JSON, markup, messages."""
