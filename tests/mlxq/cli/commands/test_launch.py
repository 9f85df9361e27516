"""How the processes are waited for; what starting them comes to is in tests/test_launch.py."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from mlxq.cli.commands.launch import _LOOK, _wait_longer


@pytest.mark.parametrize(("stopped", "waits"), [(False, _LOOK), (True, 0.1)])
def test_the_manager_looks_often_only_while_processes_end(stopped: bool, waits: float) -> None:
    waited: list[float] = []
    events = SimpleNamespace(get=lambda timeout: waited.append(timeout))
    manager = SimpleNamespace(events=events, _any_stopped=lambda: stopped)
    _wait_longer(manager)
    manager.events.get(timeout=0.1)
    assert waited == [waits]
