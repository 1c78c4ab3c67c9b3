"""``python -m pipeline.why [STAGE ...]``: why stages will rerun; nothing is run.

Prints, in the order of the pipeline, each stage that DVC finds changed since it last ran with every setting, file
and command that differs, and then the stages that follow it. Without names it is about all stages.

Exit status: 0 if nothing will rerun, 1 if something will, 2 if that cannot be told.
"""

import argparse
import sys
from collections.abc import Sequence

from dvc.exceptions import DvcException
from dvc.repo import Repo

from pipeline.errors import GraftError
from pipeline.lineage.changes import StageChange, explain
from pipeline.params import load_params

FOLLOWED = 3


def main() -> None:
    """Read the command line and print the answer."""
    parser = argparse.ArgumentParser(prog="python -m pipeline.why", description="Why stages will rerun.")
    parser.add_argument("stages", nargs="*", metavar="stage", help="such as transfer@static; without any, all")
    try:
        changes = find_changes(parser.parse_args().stages)
    except GraftError as error:
        print(f"graft: why: {error}", file=sys.stderr)
        sys.exit(2)
    print(render(changes))
    sys.exit(1 if changes else 0)


def find_changes(stages: Sequence[str]) -> list[StageChange]:
    """Return what ``explain`` says of ``stages`` in this folder; GraftError for what DVC refuses."""
    load_params()
    try:
        with Repo() as repo:
            return explain(repo, stages)
    except DvcException as error:
        raise GraftError(str(error).splitlines()[0]) from None


def render(changes: Sequence[StageChange]) -> str:
    """Return one line a reason, and one a stage that follows."""
    if not changes:
        return "Nothing will rerun: no setting, no file and no command has changed."
    lines = []
    for change in changes:
        if change.reasons:
            lines += [f"{change.stage} will rerun:", *(f"  {reason}" for reason in change.reasons)]
        else:
            more = len(change.follows) - FOLLOWED
            after = ", ".join(change.follows[:FOLLOWED]) + (f" and {more} more" if more > 0 else "")
            lines.append(f"{change.stage} follows {after}")
    direct = sum(bool(change.reasons) for change in changes)
    lines.append(
        f"{direct} of these stages will rerun; "
        f"{len(changes) - direct} follow, each of them if what it reads then differs."
    )
    return "\n".join(lines)


if __name__ == "__main__":
    main()
