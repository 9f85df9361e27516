"""What users keep: blobs, files, conversations and chat completions."""
