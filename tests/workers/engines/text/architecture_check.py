"""Whether our text engine serves an architecture of mlx-lm as mlx-lm would, and in which way.

`python -m tests.workers.engines.text.architecture_check [NAME…]` looks at all of them, in some minutes, and writes what
came of it; `python -m tests.tables` makes a table of that.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from tests.workers.engines.text import architectures
from workers.engines import lm

import mlx.core as mx  # isort: skip
from mlx_lm.generate import generate_step  # isort: skip

from mlxq.entries.lm import LmEntry
from mlxq.settings import Settings
from tasks.values.job import Job
from tasks.values.requests import CompletionRequest
from tests.workers.engines.rows import job, run
from tests.workers.engines.text.batch_invariance import Answer, together
from workers.engines.text.measured import FILE, Outcome, outcomes
from workers.model_files.servable import fit

# Of other lengths than each other and than the windows; joined and left at different steps; read in several pieces.
_LENGTHS = (3, 41, 70, 26, 9)
PROMPTS = tuple(tuple((7 * at * at + 31 * row * at + row) % 516 for at in range(n)) for row, n in enumerate(_LENGTHS))
_LIMITS = (14, 9, 12, 4, 10)
_ARRIVALS = (0, 0, 1, 5, 7)
_PIECE = 16  # tokens
_FAR = 1e-4  # between two log probabilities
_LONGER = (*PROMPTS[2], 5, 6, 7)
_PARTING = (*PROMPTS[2][:50], 9, 9, 9, 1)

# What is not even looked at, because there is no looking at it.
_LEFT_OUT: Mapping[str, str] = {
    "gear": "the installed transformers refuses its config (layer type conv_mixer), and so its tokenizer",
    "muse_spark": "its kernels are Metal's: it runs on a Mac only, where it was not looked at",
    "phi3small": "mlx-lm's own generate ends the process where MLX computes on a CPU (segmentation fault)",
    "prism_hadamard_qwen35": "cannot be built tiny: its weights are a published pack of 2-bit layers",
}

Reference = Sequence[tuple[int, Any]]


class Wrong(Exception):
    """The engine's answers are not mlx-lm's; the message says which and by how much."""


def look(name: str, folder: Path) -> Outcome:
    """Save a tiny model, load it as the service would, and ask it."""
    if name in _LEFT_OUT:
        return Outcome(False, reason=_LEFT_OUT[name])
    config = architectures.config(name)
    if unsupported := fit(name, folder, config).unsupported:
        return Outcome(False, reason=unsupported)
    try:
        architectures.save(name, folder)
        return _asked(name, folder)
    except Wrong as error:
        return Outcome(False, reason=str(error))
    except Exception as error:  # whatever an architecture's code raises
        if "No Metal back-end" in str(error):
            return Outcome(False, reason="its kernels are Metal's: it runs on a Mac only, where it was not looked at")
        return Outcome(False, reason=" ".join(f"{type(error).__name__}: {error}".split()))


def _asked(name: str, folder: Path) -> Outcome:
    entry = LmEntry(model_path=str(folder), served_model_name=name, batch_prefill_step_size=_PIECE)
    engine = lm.load(entry, Settings())
    model, caches = engine._batch._groups._model, engine._batch._kv
    (end,) = engine._output.ends
    expected = [_reference(model, prompt, limit, end) for prompt, limit in zip(PROMPTS, _LIMITS, strict=True)]
    pieces = [_reference(model, prompt, limit, end, _PIECE) for prompt, limit in zip(PROMPTS, _LIMITS, strict=True)]
    if any(_far(one, other) for one, other in zip(expected, pieces, strict=True)):
        reason = "mlx-lm's own log probabilities depend on the pieces in which a prompt is read"
        return Outcome(True, caches.obstacle, _reused(engine), reason)
    jobs = [_job(prompt, limit) for prompt, limit in zip(PROMPTS, _LIMITS, strict=True)]
    for one, wanted in zip(jobs, expected, strict=True):
        engine.relieve()
        _compare("alone", wanted, together(engine, [one], [0])[0][0])
    engine.relieve()
    for wanted, answers in zip(expected, together(engine, jobs, _ARRIVALS), strict=True):
        _compare("together", wanted, answers[0])
    for prompt in (_LONGER, _PARTING):
        (answers,) = together(engine, [_job(prompt, 6)], [0])
        _compare("from the prompt cache", _reference(model, prompt, 6, end), answers[0])
    return Outcome(True, caches.obstacle, _reused(engine))


def _reused(engine: lm.TextEngine) -> str:
    """What of a prompt serves later ones that go on from it, and that part from it."""
    engine.relieve()
    run(engine, _job(PROMPTS[2], 2))
    cached = [run(engine, _job(prompt, 1)).usage("0").cached_tokens for prompt in (_PARTING, _LONGER)]
    return "any beginning" if cached[0] else "whole prompts" if cached[1] else "nothing"


def _job(prompt: Sequence[int], limit: int) -> Job:
    return job(CompletionRequest((tuple(prompt),), temperature=0.0, max_tokens=limit, logprobs=0))


def _reference(model: Any, prompt: Sequence[int], limit: int, end: int, piece: int = 2048) -> Reference:
    """What mlx-lm makes of a prompt: the likeliest tokens, each with the log probabilities of all."""
    tokens = []
    for token, logprobs in generate_step(mx.array(prompt), model, max_tokens=limit, prefill_step_size=piece):
        tokens.append((int(token), logprobs))
        if tokens[-1][0] == end:
            break
    return tokens


def _far(one: Reference, other: Reference) -> bool:
    return any(float(mx.abs(a - b).max()) > _FAR for (_, a), (_, b) in zip(one, other, strict=False))


def _compare(how: str, expected: Reference, answer: Answer) -> None:
    """Raises Wrong where an answer is not the reference's up to a decision that is too close to call."""
    scores = zip(expected, answer.tokens, answer.logprobs, strict=False)
    for at, ((token, logprobs), ours, (_, _, logprob, _)) in enumerate(scores):
        far = abs(float(logprobs[ours]) - logprob)
        if far > _FAR:
            raise Wrong(f"{how}, token {at} has another log probability than mlx-lm's, by {far:.1g}")
        if ours != token:
            if float(logprobs[token] - logprobs[ours]) > _FAR:
                raise Wrong(f"{how}, token {at} is {ours} and not {token}")
            return
    if len(expected) != len(answer.tokens):
        raise Wrong(f"{how}, there are {len(answer.tokens)} tokens and not {len(expected)}")


def main(names: Sequence[str]) -> None:
    """Look at these architectures, or at every one, and write what came of them."""
    known = {name: asdict(outcome) for name, outcome in outcomes().items()} if names else {}
    for name in names or architectures.names():
        with tempfile.TemporaryDirectory() as folder:
            outcome = look(name, Path(folder))
        known[name] = asdict(outcome)
        os.write(1, f"{name}: {outcome}\n".encode())
    FILE.write_text(json.dumps({name: known[name] for name in sorted(known)}, indent=1) + "\n")


if __name__ == "__main__":
    main(sys.argv[1:])
