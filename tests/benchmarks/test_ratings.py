"""The table of correlations: one line a model, a column a domain, the study's own figures first."""

from pathlib import Path

from benchmarks.ratings import DOMAINS, PUBLISHED, build_table
from pipeline.artifacts import write_json
from pipeline.params import load_params
from recipes import find_recipe


def test_a_line_a_model_and_a_column_a_domain(tmp_path: Path) -> None:
    params = load_params(find_recipe("ratings") / "params.yaml")
    models = ["teacher", *(f"{kind}{name}" for name in params.students for kind in ("", "controls/"))]
    for at, key in enumerate([*models, "rivals/tfidf", "rivals/vader"]):
        whole = {"pearson": 0.5 + at / 100, "pearson_low": 0.4, "pearson_high": 0.6}
        write_json(tmp_path / f"metrics/{key}.json", whole)
        parts = {f"pearson_domain_{domain}": number / 10 for number, domain in enumerate(DOMAINS, 1)}
        write_json(tmp_path / f"metrics/parts/{key}.json", parts)
    lines = build_table(tmp_path, params).splitlines()
    assert len(lines) == 2 + len(PUBLISHED) + len(models) + 2
    assert lines[0] == "| Model | Tweets | Movies | Amazon | NYT | All |"
    assert lines[3].startswith("| VADER, in the study | 0.881 | 0.451 | 0.565 | 0.492 |")
    assert lines[4] == "| minilm (teacher) | 0.100 | 0.200 | 0.300 | 0.400 | 0.500 (0.400 to 0.600) |"
    assert lines[6].startswith("| bilstm, no transfer (control) |")
