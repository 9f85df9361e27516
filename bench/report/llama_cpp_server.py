"""`python llama_cpp_server.py MODEL PORT`: llama.cpp's own server out of xllamacpp, which brings no command for it.

It runs in an environment of its own (`bench/peers/llama-cpp.txt`), so it imports nothing of ours.
"""

from __future__ import annotations

import os
import signal
import sys

import xllamacpp

ROWS = 32  # as many as ours and mlx-lm's decode at a time
CONTEXT = 2048  # tokens of each

params = xllamacpp.CommonParams()
params.model.path, params.port = sys.argv[1], int(sys.argv[2])
params.hostnames = ["127.0.0.1"]
params.model_alias = {"m"}
params.n_parallel, params.n_ctx = ROWS, ROWS * CONTEXT
params.kv_unified = True  # as its own command has it: rows share what their prompts have in common
threads = int(os.environ.get("OPENBLAS_NUM_THREADS") or os.cpu_count() or 1)
params.cpuparams.n_threads = params.cpuparams_batch.n_threads = threads
server = xllamacpp.Server(params)
signal.pause()
