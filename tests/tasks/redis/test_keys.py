"""The table of keys is complete, and every key stands under the namespace."""

from __future__ import annotations

import inspect
import re

from tasks.redis import keys
from tasks.redis.keys import Keys
from tasks.values.job import Listing


def test_every_key_is_in_the_table_and_every_row_has_a_key() -> None:
    made = {
        getattr(Keys("ns"), name)(*["x"] * (len(inspect.signature(method).parameters) - 1))
        for name, method in inspect.getmembers(Keys, inspect.isfunction)
        if not name.startswith("_") and name not in ("queue", "messages", "index", "everybody")
    }
    assert all(key.startswith("ns:") for key in made)
    assert keys.__doc__ is not None
    rows = [line.split("|")[1] for line in keys.__doc__.splitlines() if line.startswith("| `")]
    told = {name.split(":")[0] for row in rows for name in re.findall(r"`([\w:{}]+)`", row)}
    assert {key.split(":")[1] for key in made} | set(Listing) == told
