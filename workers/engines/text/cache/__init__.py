"""What keys and values are kept, in memory and in files."""
