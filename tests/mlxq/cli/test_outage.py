"""A server that goes away under a command."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from tests.mlxq.cli.shell import Started, noted
from tests.support.servers import Stack, Valkey, fake, running


def test_work_rides_out_a_restart_of_the_web(valkey: Valkey, tmp_path: Path) -> None:
    texts, out = tmp_path / "texts.txt", tmp_path / "a.npy"
    texts.write_text("".join("x" * (1 + number % 9) + "\n" for number in range(640)))
    for stack in running(Stack(valkey, tmp_path / "stack", [fake(slots=1, step_ms=40)])):
        with stack.batches_held():
            command = Started(stack.url, "embed", texts, "--out", out)
            noted(tmp_path / "a.npy.mlxq.json")
            stack.web.stop()
            command.says("trying again for 600 s")
        stack.start_web()
        done = command.wait()
        assert done.code == 0, done.err
    assert np.load(out)[:, 0].tolist() == [1 + number % 9 for number in range(640)]
