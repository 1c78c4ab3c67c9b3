"""The table of what noise costs, from a finished pipeline in miniature."""

import json

import pytest

from pipeline.errors import GraftError
from pipeline.stages import report


def test_what_the_policy_wins_back_stands_behind_an_arrow(fabricate):
    folder = fabricate()
    path = folder / "metrics/robustness/bilstm.json"
    figures = {"texts": 500, "rate": 0.1, "macro_f1": 0.71, "macro_f1_swap": 0.61, "macro_f1_swap_policy": 0.61}
    figures |= {"macro_f1_case": 0.71, "macro_f1_case_policy": 0.71, "won_back": 0.857}
    figures |= {"macro_f1_homoglyphs": 0.64, "macro_f1_homoglyphs_policy": 0.7}
    path.write_text(json.dumps(figures), encoding="utf-8")
    report.main()
    text = (folder / "report/report.md").read_text(encoding="utf-8")
    section = text.partition("## Noise\n")[2].partition("\n## ")[0].replace("\u00a0", " ")
    assert "500 test texts, 10 % of their letters hit" in section
    rows = {row.split(" | ")[0].strip("| "): row for row in section.splitlines() if row.startswith("|")}
    assert rows["Model"] == "| Model | As written | Swapped | Other case | Look-alikes | Won back |"
    assert rows["bilstm"] == "| bilstm | 0.710 | 0.610 | 0.710 | 0.640 → 0.700 | 86 % |"
    assert {"minilm", "bilstm", "bilstm, no transfer", "static, no transfer"} <= set(rows)
    assert not {"tfidf", "vader"} & set(rows)
    page = (folder / "report/index.html").read_text(encoding="utf-8")
    assert '<h2 id="robustness">' in page
    assert "<td>0.640 → 0.700</td>" in page
    path.unlink()
    with pytest.raises(GraftError, match=r"bilstm\.json is missing"):
        report.main()
