"""The benchmarks, a file each: its first paragraph is what the report says of it, `measure` yields its figures."""
