"""The architectures by their `model_type` in config.json, a file each.

A module has `network(config)`, which makes an untrained network; `NAMES`, what parts of a checkpoint's names are in it,
replaced in this order; and `ROOT`, the parameter before whose name any prefix of a checkpoint ends.
"""
