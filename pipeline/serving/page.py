"""The page: one HTML file with its style and its script inside, and the policy that allows just these two."""

import base64
import hashlib
from pathlib import Path

HERE = Path(__file__).parent


def read_page() -> tuple[str, str]:
    """Return the HTML and its Content-Security-Policy."""
    style, script = (_read(name) for name in ("page.css", "page.js"))
    policy = {
        "default-src": "'none'",
        "style-src": _digest(style),
        "script-src": _digest(script),
        "connect-src": "'self'",
        "img-src": "data:",  # the empty icon
        "base-uri": "'none'",
        "form-action": "'none'",
        "frame-ancestors": "'none'",
        "require-trusted-types-for": "'script'",  # no text ever becomes markup
        "trusted-types": "'none'",
    }
    html = _read("page.html").replace("{{ style }}", style).replace("{{ script }}", script)
    return html, "; ".join(f"{directive} {value}" for directive, value in policy.items())


def _read(name: str) -> str:
    return (HERE / name).read_text(encoding="utf-8")


def _digest(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"
