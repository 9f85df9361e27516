"""Keys on the command line."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest

from tests.mlxq.cli.shell import Finished, mlxq
from tests.support.servers import Stack, Valkey, fake, running
from tests.web.bodies import CHAT, chat

ADMIN = "the-admin-key-of-this-test"


@pytest.fixture(scope="module")
def stack(valkey: Valkey, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    folder = tmp_path_factory.mktemp("keys")
    yield from running(Stack(valkey, folder, [fake(step_ms=5)], MLXQ_ADMIN_KEY=ADMIN, MLXQ_API_KEYS="alpha"))


def keys(stack: Stack, *words: str) -> Finished:
    return mlxq(stack, "keys", *words, "--admin-key", ADMIN)


def test_a_key_is_made_used_listed_and_revoked(stack: Stack) -> None:
    made = keys(stack, "create", "--label", "alice", "--expires-in", "30d", "--requests-per-minute", "60")
    assert made.code == 0 and "only time" in made.err
    secret = made.out.strip()  # nothing else is on standard output
    assert secret.startswith("sk-mlxq-") and len(made.out.splitlines()) == 1
    called = httpx.post(f"{stack.url}{CHAT}", json=chat(), headers={"Authorization": f"Bearer {secret}"})
    assert called.status_code == 200 and called.headers["x-ratelimit-limit-requests"] == "60"
    (alice,) = [key for key in keys(stack, "list", "--json").json if key["label"] == "alice"]
    assert alice["expires_at"] == alice["created_at"] + 30 * 86_400
    table = keys(stack, "list").out
    assert secret not in table and "60 a minute" in table and "(MLXQ_API_KEYS)" in table
    mine = mlxq(stack, "jobs", "ls", "--include", "sync", "--owner", "all", "--api-key", ADMIN)
    assert mine.code == 0 and alice["id"] in mine.out
    revoked = keys(stack, "revoke", alice["id"])
    assert revoked.code == 0 and alice["id"] in revoked.out
    assert [key["status"] for key in keys(stack, "list", "--json").json if key["id"] == alice["id"]] == ["revoked"]


def test_as_json_a_key_is_one_object(stack: Stack) -> None:
    made = keys(
        stack, "create", "--label", "bob", "--concurrent-requests", "2", "--unfinished-jobs", "9", "--json"
    ).json
    assert made["limits"] == {"concurrent_requests": 2, "requests_per_minute": None, "unfinished_jobs": 9}
    assert made["key"].startswith("sk-mlxq-")
    assert keys(stack, "revoke", made["id"], "--json").json[0]["status"] == "revoked"


def test_whoever_has_no_admin_key_is_told_so(stack: Stack) -> None:
    done = mlxq(stack, "keys", "list", "--admin-key", "alpha")
    assert (done.code, done.out) == (3, "") and "admin_key_required" in done.err
    unknown = keys(stack, "revoke", "key_none")
    assert unknown.code == 3 and "not_found" in unknown.err


@pytest.mark.parametrize("words", [["create"], ["create", "--label", "x", "--expires-in", "soon"], ["revoke"]])
def test_wrong_usage_is_exit_code_2(words: list[str]) -> None:
    assert mlxq("http://127.0.0.1:1", "keys", *words).code == 2
