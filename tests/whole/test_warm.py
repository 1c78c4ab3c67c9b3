"""What `python3` the stages of these tests are started with: cold the first time, warm afterwards."""

import subprocess
from pathlib import Path

from tests.warm import Warm


def test_a_module_runs_first_as_a_process_of_its_own_and_then_in_one_that_has_the_libraries(
    warm: Warm, tmp_path: Path
) -> None:
    (tmp_path / "probe.py").write_text("import sys\nprint('transformers' in sys.modules, sys.argv[1:])\n")
    python3 = warm.python3(tmp_path / "bin", first_cold=True) / "python3"
    command = [python3, "-m", "probe", "a"]
    said = [subprocess.run(command, cwd=tmp_path, capture_output=True, text=True).stdout for _ in range(3)]
    assert said == ["False ['a']\n", "True ['a']\n", "True ['a']\n"]
