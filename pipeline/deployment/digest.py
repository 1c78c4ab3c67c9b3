"""What tells one export from another."""

import hashlib
from pathlib import Path


def digest(folder: Path) -> str:
    """Return the sha256, in hexadecimal, of the names and contents of the files in ``folder``."""
    found = hashlib.sha256()
    for path in sorted(path for path in folder.iterdir() if path.is_file()):
        found.update(f"{path.name} {hashlib.sha256(path.read_bytes()).hexdigest()}\n".encode())
    return found.hexdigest()
