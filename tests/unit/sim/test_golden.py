"""One committed digest holds every interpreter, compiled and plain, to the same journal."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent
GOLDEN = (HERE / "golden.txt").read_text().strip()


@pytest.mark.parametrize("interpret", ["0", "1"], ids=["compiled", "plain"])
def test_the_journal_has_the_golden_digest(interpret):
    done = subprocess.run(
        [sys.executable, str(HERE / "golden_run.py")],
        env={**os.environ, "SANDBOX_INTERPRET": interpret},
        capture_output=True,
        text=True,
        timeout=300,
        check=True,
    )

    assert GOLDEN == done.stdout.strip()
