import contextlib

import pytest
from ruamel.yaml import YAML

from benchmarks.noop import compare, render
from pipeline.errors import GraftError
from tests.lineage.conftest import Tiny


@pytest.mark.slow
def test_a_finished_run_is_timed_and_an_unfinished_one_is_left_alone(tiny: Tiny) -> None:
    params = tiny.folder / "params.yaml"
    before = params.read_text(encoding="utf-8")
    with contextlib.chdir(tiny.folder):
        repro, status = compare(1)
        params.write_text(before.replace("resamples: 200", "resamples: 300"), encoding="utf-8")
        with pytest.raises(GraftError, match=r"evaluate_teacher would rerun.*`dvc repro` first"):
            compare(1)
        params.write_text(before, encoding="utf-8")
    assert len(repro) == len(status) == 1
    assert min(repro + status) > 0


def test_dvc_reads_yaml_through_libyaml() -> None:
    assert YAML(typ="safe").Parser.__module__ != "ruamel.yaml.parser", (
        "several times slower: ruamel.yaml.clib is missing"
    )


def test_the_ratio_is_that_of_the_medians() -> None:
    table, ratio = render([3.0, 1.0, 2.0], [1.0, 9.0, 1.0])
    assert ratio == 2.0
    assert "ratio of the medians over 3 rounds: 2.00 (at most 1.5)" in table
