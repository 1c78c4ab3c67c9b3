"""Names that one section of params.yaml takes from another."""

from collections.abc import Collection


def check_known(key: str, value: str, allowed: Collection[str]) -> None:
    """Raise ValueError if ``value``, the setting ``key``, is none of ``allowed``."""
    if value not in allowed:
        raise ValueError(f"{key} is {value!r}; allowed: {', '.join(allowed)}")
