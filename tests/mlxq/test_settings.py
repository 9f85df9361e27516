"""Every setting comes from its variable, and a wrong value is named."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path

import pytest

from mlxq.settings import Settings, SettingsError
from mlxq.variables import VARIABLES


def test_an_empty_environment_gives_the_defaults() -> None:
    assert Settings.from_env({}) == Settings()
    assert Settings.from_env({"PORT": "", "MLXQ_API_KEYS": " "}) == Settings()


def test_every_setting_has_a_variable() -> None:
    assert {field.name for field in fields(Settings)} == {*VARIABLES, "redis_external", "defaults"}


def test_values_are_read() -> None:
    found = Settings.from_env(
        {"PORT": "9", "MLXQ_API_KEYS": "a, b,", "MLXQ_HOME": "/x", "MLXQ_DRAIN": "0.5", "MLXQ_LOG_LEVEL": "debug"}
    )
    assert (found.port, found.api_keys, found.home, found.drain) == (9, ("a", "b"), Path("/x"), 0.5)
    assert found.log_level == "DEBUG" and "('a', 'b')" not in repr(found)


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("PORT", "http"),
        ("PORT", "70000"),
        ("MLXQ_PORT", "-1"),
        ("MLXQ_REDIS_PORT", "x"),
        ("REDIS_URL", "localhost:6379"),
        ("MLXQ_TIMEOUT", "0"),
        ("MLXQ_TIMEOUT", "soon"),
        ("MLXQ_DRAIN", "nan"),
        ("MLXQ_ALLOW_UNAUTHENTICATED", "maybe"),
        ("MLXQ_LOG_LEVEL", "LOUD"),
        ("MLXQ_SPECIAL_TOKENS", "both"),
        ("MLXQ_WEBHOOK_URL", "webhooks.example"),
    ],
)
def test_a_wrong_value_names_its_variable(variable: str, value: str) -> None:
    with pytest.raises(SettingsError, match=rf"{variable}='{value}': must"):
        Settings.from_env({variable: value})


@pytest.mark.parametrize("secret", ["whsec_c2hvcnQ=", "c2VjcmV0" * 5, "whsec_?", "whsec_" + "c2VjcmV0" * 12])
def test_a_wrong_signing_secret_is_named_and_not_shown(secret: str) -> None:
    with pytest.raises(SettingsError, match="MLXQ_WEBHOOK_SECRET: must be whsec_") as caught:
        Settings.from_env({"MLXQ_WEBHOOK_SECRET": secret})
    assert secret not in str(caught.value)


@pytest.mark.parametrize("key", ["short", "a-long-enough-key,but-two"])
def test_a_weak_admin_key_is_refused_and_not_shown(key: str) -> None:
    with pytest.raises(SettingsError, match="MLXQ_ADMIN_KEY: must have at least 16 characters") as caught:
        Settings.from_env({"MLXQ_ADMIN_KEY": key})
    assert key not in str(caught.value)


def test_the_admin_key_is_nobody_s_key_for_calls() -> None:
    key = "a-long-enough-key"
    assert key not in repr(Settings.from_env({"MLXQ_ADMIN_KEY": key}))
    with pytest.raises(SettingsError, match="MLXQ_ADMIN_KEY is one of MLXQ_API_KEYS"):
        Settings.from_env({"MLXQ_ADMIN_KEY": key, "MLXQ_API_KEYS": f"alpha,{key}"})


def test_a_webhook_needs_the_secret_that_signs() -> None:
    url, secret = "https://webhooks.example/in", "whsec_" + "c2VjcmV0" * 5
    found = Settings.from_env({"MLXQ_WEBHOOK_URL": url, "MLXQ_WEBHOOK_SECRET": secret})
    assert (found.webhook_url, found.webhook_secret) == (url, secret) and secret not in repr(found)
    with pytest.raises(SettingsError, match="MLXQ_WEBHOOK_SECRET"):
        Settings.from_env({"MLXQ_WEBHOOK_URL": url})


def test_ours_is_the_redis_that_no_url_names() -> None:
    assert Settings.from_env({"MLXQ_REDIS_PORT": "7"}).redis_url == "redis://127.0.0.1:7/0"
    given = Settings.from_env({"REDIS_URL": "redis://elsewhere:1/2"})
    assert given.redis_external and given.redis_url == "redis://elsewhere:1/2"


def test_the_port_that_honcho_invents_is_nobody_s_choice() -> None:
    honcho = {"HONCHO_PROCESS_NAME": "web.1"}
    assert Settings.from_env({**honcho, "PORT": "5000"}).port == 8000
    assert Settings.from_env({**honcho, "PORT": "9000"}).port == 9000
    assert Settings.from_env({"PORT": "5000"}).port == 5000
    assert Settings.from_env({**honcho, "PORT": "5000", "MLXQ_PORT": "5000"}).port == 5000


@pytest.mark.parametrize(("given", "found"), [("", "text"), ("text", "text"), ("Parse", "parse")])
def test_special_tokens_in_messages_are_text_unless_they_are_to_be_parsed(given: str, found: str) -> None:
    assert Settings.from_env({"MLXQ_SPECIAL_TOKENS": given} if given else {}).special_tokens == found


@pytest.mark.parametrize(
    ("text", "nbytes"),
    [
        ("24000000000", 24_000_000_000),
        ("24GB", 24_000_000_000),
        ("24 GiB", 24 << 30),
        ("24gib", 24 << 30),
        ("24G", 24 << 30),
        ("1.5TiB", 3 << 39),
        ("512 MB", 512_000_000),
        ("64KiB", 65_536),
        ("9B", 9),
    ],
)
def test_an_amount_of_memory_may_have_a_unit(text: str, nbytes: int) -> None:
    assert Settings.from_env({"MLXQ_MEMORY_BUDGET": text}).memory_budget == nbytes
    assert Settings.from_env({}, {"memory_budget": text}).memory_budget == nbytes


@pytest.mark.parametrize("text", ["0", "-1", "much", "24 GiBs", "GiB", "1e9", "0.1B"])
def test_what_is_no_amount_of_memory_is_refused(text: str) -> None:
    with pytest.raises(SettingsError, match=r"MLXQ_MEMORY_BUDGET=.* must be a number of bytes, as 24000000000"):
        Settings.from_env({"MLXQ_MEMORY_BUDGET": text})
