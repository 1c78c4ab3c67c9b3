"""Cells of one format as those of another."""

import json
import math
from typing import Any


def plain(value: Any) -> Any:
    """Return ``value`` as JSON can hold it: NaN and infinity become null, dates and decimals text."""
    if isinstance(value, dict):
        return {str(key): plain(each) for key, each in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(each) for each in value]
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    return value if value is None or isinstance(value, (str, int)) else as_text(value)


def as_text(value: Any) -> str:
    """Return ``value`` as a cell of text; nothing is an empty one, lists and objects are JSON."""
    if value is None:
        return ""
    if isinstance(value, str):
        return encodable(value)
    if isinstance(value, bytes):
        return value.decode("utf-8", errors="replace")
    if isinstance(value, (bool, list, tuple, dict)):
        return encodable(json.dumps(plain(value), ensure_ascii=False))
    return str(value)


def encodable(text: str) -> str:
    """Return ``text`` with the replacement character for each half of a surrogate pair, which no file can hold."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-16", "surrogatepass").decode("utf-16", errors="replace")
    return text
