"""The process that runs batches, in this one."""
