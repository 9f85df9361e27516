"""Which models there are for a call, and why the work of one waits."""
