"""A file a format: texts as its models write them, and what has to come out."""
