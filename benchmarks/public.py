"""``python -m benchmarks.public RECIPE [--data DIR]``: a recipe on its public data, beside published results.

RECIPE is a folder of ``recipes/``. The files of this repository that git does not ignore, as they lie here, are
copied to ``.bench/RECIPE`` (or ``--work``) with the recipe's params.yaml. Its texts come there too: fetched, where the
recipe does so itself; else the train, validation and test tables of DIR go to ``data/local``, ``--unlabelled`` to
``data/unlabelled``. ``dvc repro`` runs there with this
repository's environment and cache. Run again after an interruption or an edit, it does what is still to be done.
"""

import argparse
import os
import shutil
import subprocess
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path

from benchmarks.scratch import scratch_folder
from benchmarks.tables import markdown_table
from pipeline.artifacts import read_json, required
from pipeline.errors import GraftError
from pipeline.fetching.local import copy_table
from pipeline.params import Params, load_params
from pipeline.report.numbers import NOTHING, score, size
from recipes import fetch_data, find_recipe, has_data

PUBLISHED = "## Published results"


def main() -> None:
    """Read the command line, lay out the copy, run it, print the tables."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.public", description="A recipe beside the published.")
    parser.add_argument("recipe", help="a folder of recipes/, such as sst2")
    parser.add_argument("--data", type=Path, metavar="DIR", help="holds train, validation, test tables")
    parser.add_argument("--unlabelled", type=Path, metavar="FILE", help="texts without labels, if the recipe reads any")
    parser.add_argument("--work", type=Path, metavar="DIR", help="where to work; .bench/RECIPE without it")
    options = parser.parse_args()
    try:
        recipe = find_recipe(options.recipe)
        if has_data(options.recipe) == (options.data is not None):
            parser.error("--data is for a recipe that does not fetch its texts itself, and needed there")
        params = load_params(recipe / "params.yaml")
        work = options.work.resolve() if options.work else scratch_folder(options.recipe)
        lay_out(work, recipe)
        if has_data(options.recipe):
            fetch_data(options.recipe, work)
        else:
            put_data(work, params, options.data, options.unlabelled)
        reproduce(work)
        table = build_table(work, params)
    except GraftError as error:
        sys.exit(f"graft: public: {error}")
    print(f"{params.report.title}\n\n{table}\n\n{published_results(recipe)}")


def lay_out(work: Path, recipe: Path) -> None:
    """Bring the files of this repository that git does not ignore, and the recipe's settings, into ``work``."""
    if not work.exists():
        _call(["git", "init", "--quiet", str(work)], Path())
    for name in _call(["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"], Path()).split("\0"):
        # What was run in the copy is recorded in its own dvc.lock.
        if name not in ("", "dvc.lock", "params.yaml") and Path(name).is_file():
            _renew(Path(name), work / name)
    _renew(recipe / "params.yaml", work / "params.yaml")
    cache = _call([sys.executable, "-m", "dvc", "cache", "dir"], Path()).strip()
    _call([sys.executable, "-m", "dvc", "config", "--local", "cache.dir", str(Path(cache).resolve())], work)


def put_data(work: Path, params: Params, data: Path, unlabelled: Path | None) -> None:
    """Bring the user's tables and unlabelled text to where the recipe reads them."""
    if params.transfer_set.texts and unlabelled is None:
        raise GraftError("this recipe reads text without labels; name a file of it: --unlabelled FILE")
    copy_table(required(data), work / params.data.path)
    if unlabelled is not None:
        _renew(required(unlabelled), work / params.transfer_set.path / unlabelled.name)


def build_table(work: Path, params: Params) -> str:
    """One line a model: accuracy in percent, macro-F1, parameters."""
    first = next(iter(params.teachers))
    lines = [_line(work, f"{', '.join(params.teachers)} (teacher)", "teacher", f"teacher/{first}")]
    for name in params.students:
        lines.append(_line(work, f"{name} (student)", name, f"students/{name}"))
        lines.append(_line(work, f"{name}, no transfer (control)", f"controls/{name}", f"controls/{name}"))
    lines += [_line(work, f"{name} (rival)", f"rivals/{name}", None) for name in params.rivals]
    return markdown_table(["Model", "Accuracy", "Macro-F1", "Parameters"], lines)


def published_results(recipe: Path) -> str:
    """The section of the recipe's page that quotes them; empty where there is none."""
    _, heading, section = (recipe / "README.md").read_text(encoding="utf-8").partition(PUBLISHED)
    return f"{heading}{section}".strip()


def _line(work: Path, title: str, metrics: str, model: str | None) -> Sequence[str]:
    figures = read_json(work / "metrics" / f"{metrics}.json")
    parameters = NOTHING if model is None else size(read_json(work / "models" / model / "training.json")["parameters"])
    return [title, f"{100 * figures['accuracy']:.1f}", score(figures["macro_f1"]), parameters]


def reproduce(work: Path) -> None:
    """Run `dvc repro` in ``work``; GraftError if it fails."""
    # Stages call `python3`, which must be this one: the copy has no environment of its own.
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}"
    command = [sys.executable, "-m", "dvc", "repro"]
    done = subprocess.run(command, cwd=work, env=os.environ | {"PATH": path}, stdout=sys.stderr, check=False)
    if done.returncode:
        raise GraftError(f"`dvc repro` in {work} ended with status {done.returncode}; its reason stands above")


def _renew(source: Path, target: Path) -> None:
    if target.exists() and target.read_bytes() == source.read_bytes():
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(source, target)


def _call(command: Iterable[str], folder: Path) -> str:
    words = list(command)
    done = subprocess.run(words, cwd=folder, capture_output=True, text=True, check=False)
    if done.returncode:
        raise GraftError(f"`{' '.join(words)}` failed: {done.stderr.strip()}")
    return done.stdout


if __name__ == "__main__":
    main()
