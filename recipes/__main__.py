"""``python -m recipes NAME``: a recipe's settings and, where it can fetch them, its texts, put in place.

The params.yaml that was there is kept as ``params.before-NAME.yaml``; a recipe's texts lie in a folder of its own,
``data/local/NAME``. Nothing of the user's is touched.
"""

import argparse
import sys
from pathlib import Path

from pipeline.artifacts import write_text
from pipeline.errors import GraftError
from recipes import fetch_data, find_recipe, has_data, names

PARAMS = Path("params.yaml")


def main() -> None:
    """Read the command line, put the recipe in place."""
    parser = argparse.ArgumentParser(prog="python -m recipes", description="Put a recipe in place.")
    parser.add_argument("recipe", help=f"one of: {', '.join(names())}")
    options = parser.parse_args()
    try:
        kept = put_in_place(options.recipe)
    except GraftError as error:
        sys.exit(f"graft: recipes: {error}")
    print(f"params.yaml is that of {options.recipe} now; {f'the one before is {kept}' if kept else 'it was already'}")
    if not has_data(options.recipe):
        print(f"recipes/{options.recipe}/README.md says where its texts come from")
    print("run .venv/bin/dvc repro")


def put_in_place(name: str) -> Path | None:
    """Put the settings and the texts of ``name`` into this folder; return where the settings before are kept.

    None where they were those of the recipe already. Raises GraftError, before anything is written, if settings of the
    user's would be lost.
    """
    settings = (find_recipe(name) / "params.yaml").read_text(encoding="utf-8")
    before = PARAMS.read_text(encoding="utf-8") if PARAMS.exists() else None
    kept = Path(f"params.before-{name}.yaml")
    if before not in (None, settings) and kept.exists() and kept.read_text(encoding="utf-8") != before:
        raise GraftError(f"{kept} is there already, with other settings; rename it, for it would be lost")
    if has_data(name):
        fetch_data(name, Path())
    if before == settings:
        return None
    if before is not None:
        write_text(kept, before)
    write_text(PARAMS, settings)
    return kept if before is not None else None


if __name__ == "__main__":
    main()
