"""A file a format, in the folders of the formats: texts as its models write them, and what has to come out."""
