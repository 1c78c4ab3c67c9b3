"""Settings as leaves by their full key, and what differs between two sets of them."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

WIDTH = 60


def flatten(value: Any, key: str = "") -> dict[str, Any]:
    """Return the leaves of nested mappings by their dotted key; lists of mappings are numbered, other lists are leaves.

    {"a": {"b": 1}, "c": [{"d": 2}]} → {"a.b": 1, "c[0].d": 2}
    """
    if isinstance(value, Mapping) and (value or not key):
        parts = ((f"{key}.{name}" if key else str(name), child) for name, child in value.items())
    elif isinstance(value, list) and any(isinstance(child, Mapping) for child in value):
        parts = ((f"{key}[{at}]", child) for at, child in enumerate(value))
    else:
        return {key: value}
    return {leaf: found for name, child in parts for leaf, found in flatten(child, name).items()}


def iter_changes(old: Any, new: Any, key: str = "") -> Iterator[str]:
    """Yield a line for each leaf that was added, removed or changed between ``old`` and ``new``, in their order."""
    before, after = flatten(old, key), flatten(new, key)
    for leaf in dict.fromkeys([*before, *after]):
        if leaf not in before:
            yield f"{leaf}: {show(after[leaf])} was added"
        elif leaf not in after:
            yield f"{leaf}: {show(before[leaf])} was removed"
        elif before[leaf] != after[leaf]:
            yield f"{leaf}: {show(before[leaf])} -> {show(after[leaf])}"


def show(value: Any) -> str:
    """Return a value as JSON on one line, its middle left out where it is long."""
    text = json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= WIDTH else f"{text[: WIDTH // 2]}...{text[-WIDTH // 2 :]}"
