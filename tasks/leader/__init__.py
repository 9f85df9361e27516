"""What one process at a time does for all."""
