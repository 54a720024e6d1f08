"""Files by chance are read to the truth that they were made from, or refused, or read with a note."""

from __future__ import annotations

import os
from collections import Counter

import pytest

from tools.generated_files import run

COUNT = int(os.environ.get("BACKBUS_FILES", "300"))
BATCH = 100


@pytest.mark.slow
@pytest.mark.parametrize("batch", range(-(-COUNT // BATCH)))
def test_no_file_is_read_to_something_else_without_a_word(tmp_path, batch):
    counts: Counter[str] = Counter()
    for number, one, how, told in run(min(BATCH, COUNT - batch * BATCH), batch + 100, tmp_path):
        counts[how] += 1
        assert how != "wrong", f"file {number}: {told} {one.forms} {one.settings}\n{one.text[:500]!r}"
    assert counts["read"] > 0.5 * counts.total(), counts
