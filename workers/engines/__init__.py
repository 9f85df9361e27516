"""One engine a file, named as its `model_type`.

Elsewhere only `workers/starter`, `workers/probe.py` and, when it is asked, `workers/model_files/servable.py` import
MLX.
"""
