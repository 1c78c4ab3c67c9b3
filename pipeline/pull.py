"""``python -m pipeline.pull``: in a fresh clone, bring what `dvc repro --pull --allow-missing` does not bring itself.

That command fetches a dependency which is an output of one stage. It fails where a stage reads the folder of several
(`models/teacher`, `metrics`), and takes such a folder for whole when a part of it is there. This one fetches, for the
stages that an edit makes stale and for all after them, what lies in such folders, and nothing else.
"""

import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import networkx as nx
from dvc.exceptions import DvcException, NotDvcRepoError
from dvc.repo import Repo, lock_repo

from pipeline.errors import GraftError


def main() -> None:
    """Say what is stale, and have DVC pull what that needs."""
    try:
        try:
            with Repo() as repo, lock_repo(repo):
                stale = find_stale(repo)
                missing = find_missing(repo, stale)
        except NotDvcRepoError:
            raise GraftError(f"{Path.cwd()} is no DVC repository; run from the root of a git clone") from None
        except DvcException as error:  # a file that is no YAML, or another dvc at work
            raise GraftError(str(error).splitlines()[0]) from None
        print(f"Stale: {', '.join(sorted(stage.addressing for stage in stale)) or 'nothing'}", flush=True)
        # DVC's own command: where it fails, its words say why and hold no password.
        if missing and (status := subprocess.run([sys.executable, "-m", "dvc", "pull", *missing]).returncode):
            raise GraftError(f"`dvc pull` ended with status {status}; its reason stands above")
    except GraftError as error:
        sys.exit(f"graft: pull: {error}")
    print("Now run `dvc repro --pull --allow-missing`")


def find_stale(repo: Any) -> set[Any]:
    """The stages that rerun by themselves: their command, parameters or present dependencies changed."""
    return {stage for stage in repo.index.stages if stage.cmd and stage.changed(allow_missing=True)}


def find_missing(repo: Any, stale: Iterable[Any]) -> list[str]:
    """Outputs that are not here, lie in a folder which a stage that may rerun depends on, and will not be rebuilt."""
    roots = set(stale)
    graph = repo.index.graph  # an edge leads from a stage to one that it depends on
    waiting = roots.union(*(nx.ancestors(graph, stage) for stage in roots))
    folders = {f"{dep.fs_path}/" for stage in waiting for dep in stage.deps if not getattr(dep, "params", None)}
    outputs = [out for stage in repo.index.stages if stage not in roots for out in stage.outs if not out.exists]
    return sorted(out.def_path for out in outputs if any(out.fs_path.startswith(folder) for folder in folders))


if __name__ == "__main__":
    main()
