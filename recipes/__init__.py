"""Ready settings for other jobs, one a folder; ``python -m recipes NAME`` puts one in place.

A folder holds ``params.yaml``, a page (``README.md``) and, where the recipe can fetch its texts itself, ``data.py``
with ``write_data(root)``.
"""

from importlib import import_module
from pathlib import Path

from pipeline.errors import GraftError

RECIPES = Path(__file__).parent


def names() -> list[str]:
    """The recipes there are."""
    return sorted(path.parent.name for path in RECIPES.glob("*/params.yaml"))


def find_recipe(name: str) -> Path:
    """Return the recipe's folder; raise GraftError with the recipes there are."""
    if name not in names():
        raise GraftError(f"there is no recipe {name!r}; allowed: {', '.join(names())}")
    return RECIPES / name


def has_data(name: str) -> bool:
    """Whether the recipe fetches its texts itself."""
    return (RECIPES / name / "data.py").exists()


def fetch_data(name: str, root: Path) -> None:
    """Have the recipe write its texts under ``root``; GraftError if they cannot be fetched."""
    import_module(f"recipes.{name}.data").write_data(root)
