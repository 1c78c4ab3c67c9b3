"""``python -m benchmarks.ratings``: the recipe ``ratings``, its correlations in each domain beside the study's own.

The recipe runs in a copy of this repository under ``.bench/ratings`` (or ``--work``), as ``benchmarks.public`` lays it
out; run again after an interruption, it goes on. What the study's authors measured is quoted from Hutto & Gilbert,
*VADER: A Parsimonious Rule-based Model for Sentiment Analysis of Social Media Text* (ICWSM 2014), table 4: on all
texts of a domain, where ours are on the test split.
"""

import argparse
import sys
from pathlib import Path

from benchmarks.public import lay_out, reproduce
from benchmarks.scratch import scratch_folder
from benchmarks.tables import markdown_table
from pipeline.artifacts import read_json
from pipeline.errors import GraftError
from pipeline.params import Params, load_params
from pipeline.report.numbers import score
from recipes import find_recipe

RECIPE = "ratings"
DOMAINS = {"tweets": "Tweets", "movies": "Movies", "amazon": "Amazon", "nyt": "NYT"}
PUBLISHED = {
    "one human, in the study": (0.888, 0.899, 0.911, 0.745),
    "VADER, in the study": (0.881, 0.451, 0.565, 0.492),
}


def main() -> None:
    """Read the command line, lay out the copy, run it, print the table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.ratings", description="Ratings beside the study's own.")
    parser.add_argument("--work", type=Path, metavar="DIR", help=f"where to work; .bench/{RECIPE} without it")
    options = parser.parse_args()
    try:
        work = options.work.resolve() if options.work else scratch_folder(RECIPE)
        lay_out(work, find_recipe(RECIPE))
        reproduce(work)
        print(build_table(work, load_params(work / "params.yaml")))
    except GraftError as error:
        sys.exit(f"graft: ratings: {error}")


def build_table(work: Path, params: Params) -> str:
    """One line a model: Pearson's r with the mean of 20 raters in each domain, and on all of the test split."""
    keys = {f"{', '.join(params.teachers)} (teacher)": "teacher"}
    for name in params.students:
        keys |= {f"{name} (student)": name, f"{name}, no transfer (control)": f"controls/{name}"}
    keys |= {f"{name} (rival)": f"rivals/{name}" for name in params.rivals}
    rows = [[title, *map(score, found), ""] for title, found in PUBLISHED.items()]
    rows += [[title, *_correlations(work, key)] for title, key in keys.items()]
    return markdown_table(["Model", *DOMAINS.values(), "All"], rows)


def _correlations(work: Path, key: str) -> list[str]:
    whole, parts = (read_json(work / folder / f"{key}.json") for folder in ("metrics", "metrics/parts"))
    interval = f"({score(whole['pearson_low'])} to {score(whole['pearson_high'])})"
    return [*(score(parts[f"pearson_domain_{domain}"]) for domain in DOMAINS), f"{score(whole['pearson'])} {interval}"]


if __name__ == "__main__":
    main()
