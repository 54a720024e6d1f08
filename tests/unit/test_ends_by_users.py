"""A strategy or a model of the user's that ends the process is at fault as one that raises: nothing ends in silence."""

from __future__ import annotations

import textwrap
from pathlib import Path

import pytest
from typer.testing import CliRunner

from backbus import run, run_sweep
from backbus.api.check import check
from backbus.cli.app import app
from backbus.errors import StrategyError
from backbus.job.job import Job
from tests.unit.kept_runs import home

__all__ = ["home"]

PLACES = {
    "import": "import sys\nsys.exit(0)\n",
    "init": """
        import sys
        from backbus import Strategy

        class Own(Strategy):
            def __init__(self, **given):
                super().__init__(**given)
                sys.exit(0)

            def on_bar(self, bar):
                self.go_long()
        """,
    "lookback": """
        import sys
        from backbus import Strategy

        class Own(Strategy):
            @property
            def lookback(self):
                sys.exit(0)

            def signals(self, bars):
                return self.hold_long(bars.close > 0)
        """,
    "signals": """
        import sys
        from backbus import Strategy

        class Own(Strategy):
            def signals(self, bars):
                sys.exit(0)
        """,
    "on_bar": """
        import sys
        from backbus import Strategy

        class Own(Strategy):
            def on_bar(self, bar):
                sys.exit(0)
        """,
    "on_fill": """
        import sys
        from backbus import Strategy

        class Own(Strategy):
            def on_bar(self, bar):
                self.go_long()

            def on_fill(self, fill):
                sys.exit(0)
        """,
}


def _job(home: Path, text: str, *overrides: str) -> Job:
    (home / "own.py").write_text(textwrap.dedent(text))
    path = home / "job.toml"
    path.write_text(path.read_text().replace("n = 4\n", ""))
    return Job.load(path, overrides=overrides)


@pytest.mark.parametrize("place", PLACES)
def test_a_strategy_that_ends_the_process_is_told_with_its_lines(
    place: str, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = _job(home, PLACES[place])
    for asked in (lambda: run(job, folder=home / "var"), lambda: check(job)):
        with pytest.raises(StrategyError, match=r"SystemExit\(0\), which ends the process") as told:
            asked()
        assert "sys.exit(0)" in (told.value.traceback or "")
    assert not (home / "var").exists()
    monkeypatch.chdir(home)
    error = CliRunner().invoke(app, ["run", "job.toml"]).exception
    assert isinstance(error, StrategyError) and error.exit_status == 1


def test_an_interruption_is_none_of_the_strategy(home: Path) -> None:
    job = _job(home, PLACES["signals"].replace("sys.exit(0)", "raise KeyboardInterrupt"))
    with pytest.raises(KeyboardInterrupt):
        run(job)


def test_a_model_that_ends_the_process_is_told(home: Path) -> None:
    own = """
        import sys
        from backbus import Strategy

        class Own(Strategy):
            def signals(self, bars):
                return self.hold_long(bars.close > bars.sma(4))

        def mine(order, market, parameters):
            sys.exit(3)
        """
    job = _job(home, own, 'execution.slippage={model="own", use="own.py:mine"}')
    with pytest.raises(StrategyError, match=r"mine.* raised SystemExit\(3\), which ends the process"):
        run(job)


def test_so_it_is_in_a_sweep(home: Path) -> None:
    own = """
        import sys
        from backbus import Strategy, param

        class Own(Strategy):
            n: int = param(4)

            def signals(self, bars):
                if self.n == 6:
                    sys.exit(0)
                return self.hold_long(bars.close > bars.sma(self.n))
        """
    _job(home, own)
    path = home / "job.toml"
    path.write_text(path.read_text() + "[sweep.parameters]\nn = [4, 5, 6]\n")
    found = run_sweep(Job.load(path), workers=1)
    assert found.summary["failed"] == 1
    assert "SystemExit(0), which ends the process" in found.table.to_string()
