"""``python -m tools.mutants``: change the rules one place at a time, and say which changes no unit test sees.

Exit status 0 where every change that survived has an answer in tests/mutants/survivors.toml, and each answer is true.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import signal
import sys
import time
from pathlib import Path

from tools.mutants import answers, changes
from tools.mutants.code import fits
from tools.mutants.draw import drawn
from tools.mutants.report import Report, shown
from tools.mutants.trial import SURVIVED, UNREACHED, Result, Trial, digest_of, show

ROOT = Path(__file__).resolve().parent.parent.parent
LIBRARY = ROOT / "shared" / "backbus"
FOLDERS = ("trading", "portfolio", "execution", "performance")
"""Where the rules are: folders of the library."""
TESTS = ("tests/unit",)
"""What is to see a change."""
ENVIRONMENT = {"NUMBA_DISABLE_JIT": "1", "BACKBUS_EXAMPLES": "15", "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
"""Set before numba and the tests are imported: plain Python, and random tests that look at fewer cases."""
ANSWERS = ROOT / "tests" / "mutants" / "survivors.toml"


def main() -> int:
    """Draw, try, tell; the exit status."""
    parser = argparse.ArgumentParser(prog="python -m tools.mutants", description=__doc__.split("\n\n")[0])
    parser.add_argument("--mutants", type=int, default=600, metavar="N", help="changes to draw (600)")
    parser.add_argument("--seed", type=int, default=1, metavar="N", help="which ones (1)")
    parser.add_argument("--processes", type=int, default=os.cpu_count() or 1, metavar="N", help="tried at a time")
    parser.add_argument("--only", default="", metavar="TEXT", help="draw from files and functions whose name has this")
    parser.add_argument("--fresh", action="store_true", help="forget what was found out before")
    given = parser.parse_args()

    files = sorted(path for folder in FOLDERS for path in (LIBRARY / folder).rglob("*.py"))
    trees, every = {}, []
    for path in files:
        tree, found = changes.changes_of(ROOT, path)
        trees[path.relative_to(ROOT).as_posix()] = tree
        every += found
    try:
        answered = answers.read(ANSWERS)
    except ValueError as error:
        print(f"mutants: {error}", file=sys.stderr)
        return 2
    pool = [change for change in every if given.only in f"{change.file}:{change.function}"]
    sample = drawn(pool, given.mutants, given.seed, lambda c: fits(str(ROOT / c.file), trees[c.file], c.edit))

    work = ROOT / "var" / "mutants" / _state()
    if given.fresh:
        shutil.rmtree(work, ignore_errors=True)
    temporary = work / "tmp"
    shutil.rmtree(temporary, ignore_errors=True)
    temporary.mkdir(parents=True)
    os.environ["PYTEST_DEBUG_TEMPROOT"] = str(temporary)
    print(f"mutants: {len(sample)} of {len(pool)} changes to {len(files)} files, seed {given.seed}", flush=True)

    os.environ |= ENVIRONMENT
    report = Report(every, sample, answered)
    trial = Trial(ROOT, trees, work, given.processes, lambda trial: _try(trial, report, work / "results.jsonl"))
    import pytest

    os.chdir(ROOT)
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # and so ends the children
    options = ["-p", "no:cacheprovider", "-p", "no:terminal", "-p", "no:faulthandler", "-o", "timeout=0", "-s"]
    status = pytest.main([*options, *TESTS], plugins=[trial])
    shutil.rmtree(temporary, ignore_errors=True)
    if not report.complete:
        print(f"mutants: pytest ended with {int(status)} before all was tried", file=sys.stderr)
        return 2
    print(report.text(trial))
    (ROOT / "var" / "mutants" / "report.json").write_text(json.dumps(report.as_json(given.seed), indent=1) + "\n")
    return 0 if report.good else 1


def _state() -> str:
    """A name for all that every test depends on: what was found out is good as long as none of it changes."""
    tools = [ROOT / "tools" / "mutants" / name for name in ("changes.py", "touch.py")]
    helpers = [path for path in (ROOT / "tests").rglob("*.py") if not path.name.startswith("test_")]
    return digest_of([*tools, *helpers, *LIBRARY.rglob("*.py")])


def _try(trial: Trial, report: Report, kept: Path) -> None:
    """Try what was drawn and what is answered by a test, but for what was tried before."""
    for line in kept.read_text().splitlines() if kept.exists() else ():
        result = json.loads(line)
        if result["seen_by"] == trial.digest_of(result["by"]):
            report.take(result)
    began, last = time.monotonic(), 0.0
    with kept.open("a") as file:

        def done(change: changes.Change, result: Result) -> None:
            nonlocal last
            result |= {"name": change.name, "seen_by": trial.digest_of(result["by"])}
            report.take(result)
            file.write(json.dumps(result) + "\n")
            file.flush()
            tried, all_of_them = report.progress
            if result["result"] in (SURVIVED, UNREACHED):
                show("")
                print(f"[{tried}/{all_of_them}] {shown(change, result)}", flush=True)
            text = f"{tried} of {all_of_them} tried, {report.survived} survived, {time.monotonic() - began:.0f} s"
            show(text)
            if not sys.stderr.isatty() and time.monotonic() - last > 30.0:
                last = time.monotonic()
                print(text, flush=True)

        trial.run(report.to_try(trial), done)
    show("")


if __name__ == "__main__":
    sys.exit(main())
