"""A command a file, named as the file, which is how `mlxq` finds it."""
